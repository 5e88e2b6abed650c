/** A photo in any of the forms that a page has it in. */

import { NijigenError, cancelled } from "../shared/errors.js";
import { documentUrl } from "./addresses.js";
import { readPixels } from "../shared/read_pixels.js";
import { OpenPhoto } from "./open_photo.js";

/**
 * What can be converted. An address, a string or a `URL`, is fetched; a string is relative to the
 * document. Elements and frames are read when they are given; what happens to them later does not
 * matter.
 * @typedef {Blob | ImageData | ImageBitmap | URL | string | HTMLImageElement | HTMLCanvasElement
 *   | OffscreenCanvas | VideoFrame | OpenPhoto} Source
 */

/** @typedef {import("../shared/protocol.js").Pixels} Pixels */

/**
 * What the worker takes: files as they are, everything else as upright pixels.
 * @param {Source} source
 * @param {AbortSignal} [signal] ends a download
 * @returns {Promise<Blob | Pixels>}
 * @throws {NijigenError} "photo-missing" for what is none of these, "photo-unreachable" for what cannot be
 *   fetched or, being of another origin, not be read
 */
export async function readPhoto(source, signal) {
  if (source instanceof Blob) return drawFile(source);
  if (source instanceof OpenPhoto) return source.content;
  if (typeof source === "string" || source instanceof URL) {
    return drawFile(await fetchPhoto(source, signal), new URL(source, documentUrl()).href);
  }
  if (source instanceof ImageData) {
    if (source.colorSpace === "srgb") return pixels(source);
    return copyPixels(source, source.width, source.height);
  }
  if (is("HTMLImageElement", source)) return readImage(source, signal);
  const size = drawableSize(source);
  if (!size) {
    throw new NijigenError(
      "photo-missing",
      `The photo is ${Object.prototype.toString.call(source)}, expected a Blob, an address, ImageData, ` +
        "ImageBitmap, an image or canvas element, OffscreenCanvas or VideoFrame.",
    );
  }
  return copyPixels(/** @type {any} */ (source), ...size);
}

/**
 * Whether `value` is of a class that not every browser or worker has.
 * @template {"HTMLImageElement" | "HTMLCanvasElement" | "OffscreenCanvas" | "ImageBitmap" | "VideoFrame"} Name
 * @param {Name} name
 * @param {unknown} value
 * @returns {value is InstanceType<(typeof globalThis)[Name]>}
 */
function is(name, value) {
  const type = globalThis[name];
  return typeof type === "function" && value instanceof type;
}

/**
 * @param {unknown} source
 * @returns {[width: number, height: number] | undefined} in pixels
 */
function drawableSize(source) {
  if (is("VideoFrame", source)) return [source.displayWidth, source.displayHeight];
  if (is("ImageBitmap", source) || is("HTMLCanvasElement", source) || is("OffscreenCanvas", source)) {
    return [source.width, source.height];
  }
  return undefined;
}

/**
 * @param {string | URL} address relative to the document
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob>}
 * @throws {NijigenError} "photo-unreachable"
 */
export async function fetchPhoto(address, signal) {
  let why;
  try {
    const url = new URL(address, documentUrl());
    const response = await fetch(url, { signal });
    if (response.ok) return await response.blob();
    why = `status ${response.status}`;
  } catch (thrown) {
    if (signal?.aborted) throw cancelled();
    why = thrown instanceof Error ? thrown.message : thrown;
  }
  throw new NijigenError("photo-unreachable", `The photo ${address} could not be loaded (${why}).`);
}

/**
 * The file behind an image element, whose pixels the browser would colour-manage for the screen; what
 * it shows, if there is no reaching the file.
 * @param {HTMLImageElement} image
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob | Pixels>}
 */
async function readImage(image, signal) {
  const address = image.currentSrc || image.src;
  if (!address) throw new NijigenError("photo-missing", "The photo is an image element without a source.");
  try {
    const file = await fetchPhoto(address, signal);
    return isDrawing(file) ? await copyPixels(image, image.naturalWidth, image.naturalHeight) : file;
  } catch (error) {
    if (!image.complete || image.naturalWidth === 0) throw error;
    return copyPixels(image, image.naturalWidth, image.naturalHeight);
  }
}

/** Whether a file is one that image elements draw, and no decoder opens: SVG. @param {Blob} file */
function isDrawing({ type }) {
  return type.startsWith("image/svg+xml");
}

/**
 * @param {Blob} file
 * @param {string} [address] of the file
 * @returns {Promise<Blob | Pixels>} pixels of a drawing; it stays a file, about which the engine has words, where the page's
 *   policy forbids images made of files
 */
async function drawFile(file, address) {
  if (!isDrawing(file)) return file;
  const source = address ?? URL.createObjectURL(file);
  try {
    const image = new Image();
    image.crossOrigin = "anonymous";
    image.src = source;
    await image.decode();
    return await copyPixels(image, image.naturalWidth, image.naturalHeight);
  } catch {
    return file;
  } finally {
    if (!address) URL.revokeObjectURL(source);
  }
}

/**
 * @param {ImageBitmapSource} source
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Pixels>}
 */
async function copyPixels(source, width, height) {
  if (!width || !height) {
    throw new NijigenError("photo-missing", `The photo is ${width} × ${height} pixels, expected at least 1 × 1.`);
  }
  try {
    // What it shows now: a bitmap is made before anything is waited for.
    const bitmap = await createImageBitmap(source);
    const read = await readPixels(bitmap);
    bitmap.close();
    return pixels(read);
  } catch (thrown) {
    if (thrown instanceof NijigenError) throw thrown;
    if (thrown instanceof DOMException && thrown.name === "SecurityError") {
      throw new NijigenError(
        "photo-unreachable",
        "The photo is of another origin, which does not allow this page to read it (CORS).",
      );
    }
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError("photo-unreadable", `The photo cannot be read (${why}).`);
  }
}

/** @param {ImageData} image @returns {Pixels} */
function pixels({ data, width, height }) {
  return { rgba: /** @type {Uint8ClampedArray<ArrayBuffer>} */ (data), width, height };
}
