/** Photo files as pixels, by the browser's decoders. */

import { NijigenError, toNijigenError } from "../shared/errors.js";
import { MAX_COPIED_PIXELS } from "../shared/protocol.js";
import { readPixels } from "../shared/read_pixels.js";

/** Pixels of the sizes that are tried in turn where a browser cannot hold a photo: as large as its canvases may be. */
const SMALLER_PIXELS = [16e6, 4e6, 1e6];

/** Larger photos are refused; `src/imaging/probe.rs` does it where it knows the header. */
const MAX_PIXELS = 100e6;

/** Formats that every browser opens: a file of one of them that it does not is damaged. */
const KNOWN_EVERYWHERE = ["JPEG", "PNG", "WebP", "GIF", "BMP"];

/** @typedef {import("../shared/protocol.js").Pixels} Pixels */
/**
 * @typedef {object} PhotoHeader with the size before it is turned upright
 * @property {string} format
 * @property {number} width
 * @property {number} height
 * @property {number} [missing] share of the rows that are missing, of a file that ends early
 * @property {string} [missingSide] of the upright photo
 */

/**
 * @typedef {object} Reader
 * @property {(bytes: Uint8Array) => PhotoHeader} probe_photo reads a file's header, and refuses what cannot be handled
 * @property {(bytes: Uint8Array) => Uint8Array} mend_photo makes a file that ends early whole, and refuses it where too
 *   little is there
 */

/** @typedef {Pixels & {scale: number}} Decoded by the photo's own size, which the browser may not hold */

/**
 * Decodes a photo file to upright sRGB pixels.
 * @param {Blob} file
 * @param {Reader} reader
 * @returns {Promise<Decoded & {missing?: number}>} with the share of rows that are missing, if the file ends early
 */
export async function decode(file, reader) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (thrown) {
    throw new NijigenError("photo-unreadable", `The photo's file cannot be read (${thrown}).`);
  }
  const { header, refusal } = look(bytes, reader);
  const missing = header?.missing;
  if (header && missing !== undefined) {
    const whole = /** @type {Uint8Array<ArrayBuffer>} */ (reader.mend_photo(bytes));
    const decoded = await decodePixels(whole, header, refusal);
    layGray(decoded, header);
    return { ...decoded, missing };
  }
  return decodePixels(bytes, header, refusal);
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {PhotoHeader} [header]
 * @param {NijigenError} [refusal] if there is no header
 * @returns {Promise<Decoded>}
 */
async function decodePixels(bytes, header, refusal) {
  // The type is left out, so that a file with a wrong ending is judged by its contents.
  const photo = new Blob([bytes]);
  const opened = await openWhole(photo);
  if (opened && (!header || !isBlank(opened.rgba))) return opened;
  if (!header) throw refusal;
  for (const pixels of SMALLER_PIXELS.filter((pixels) => pixels < header.width * header.height)) {
    const smaller = await openSmaller(photo, header, pixels);
    if (smaller && !isBlank(smaller.rgba)) return smaller;
  }
  // It is transparent, then.
  if (opened) return opened;
  const { format } = header;
  if (!KNOWN_EVERYWHERE.includes(format)) {
    throw new NijigenError(
      "photo-unsupported",
      `This browser cannot open ${format} photos. Save the photo as JPEG or PNG and try again.`,
    );
  }
  throw new NijigenError("photo-unreadable", `This ${format} photo is damaged and cannot be read.`);
}

/**
 * What a header says, or why it is refused. Of what this package does not know the browser may know more.
 * @param {Uint8Array} bytes
 * @param {Reader} reader
 * @returns {{header: PhotoHeader, refusal?: undefined} | {header?: undefined, refusal: NijigenError}}
 * @throws {NijigenError} for what is too large, before anything is decoded
 */
function look(bytes, reader) {
  try {
    return { header: reader.probe_photo(bytes) };
  } catch (thrown) {
    const refusal = toNijigenError(thrown);
    if (refusal.code !== "photo-unsupported" && refusal.code !== "photo-unreadable") throw refusal;
    return { refusal };
  }
}

/**
 * Lays gray where rows are missing, as `src/imaging/missing.rs` does: what a decoder leaves there is any colour.
 * @param {Decoded} decoded
 * @param {PhotoHeader} header
 */
function layGray({ rgba, width, height }, { missing = 0, missingSide }) {
  const pixels = new Uint32Array(rgba.buffer);
  const [columns, rows] = [Math.round(missing * width), Math.round(missing * height)];
  const isUpright = missingSide === "top" || missingSide === "bottom";
  const [from, to] = missingSide === "bottom" ? [height - rows, height] : [0, isUpright ? rows : height];
  const [left, right] = missingSide === "right" ? [width - columns, width] : [0, isUpright ? width : columns];
  for (let y = from; y < to; y++) pixels.fill(0xff808080, y * width + left, y * width + right);
}

/** Browsers give blank pixels for what is too large for them. @param {Uint8ClampedArray<ArrayBuffer>} rgba */
function isBlank(rgba) {
  return new Uint32Array(rgba.buffer).every((pixel) => pixel === 0);
}

/**
 * @param {Blob} photo
 * @returns {Promise<Decoded | undefined>} at most {@link MAX_COPIED_PIXELS}; nothing if it cannot be
 *   decoded
 */
async function openWhole(photo) {
  const bitmap = await tryBitmap(photo);
  if (!bitmap) return undefined;
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS) {
    bitmap.close();
    const most = `at most ${MAX_PIXELS / 1e6} megapixels are taken`;
    throw new NijigenError("photo-too-large", `The photo has ${width} × ${height} pixels, ${most}.`);
  }
  const scale = Math.min(1, Math.sqrt(MAX_COPIED_PIXELS / (width * height)));
  if (scale === 1) return readAndClose(bitmap, scale);
  const shrunk = await tryBitmap(bitmap, shrink(width, height, scale));
  bitmap.close();
  return shrunk && readAndClose(shrunk, scale);
}

/**
 * @param {Blob} photo
 * @param {PhotoHeader} header
 * @param {number} pixels at most
 * @returns {Promise<Decoded | undefined>} nothing if it cannot be decoded
 */
async function openSmaller(photo, { width, height }, pixels) {
  // The header does not tell which side is the longer one when the photo stands upright.
  const tiny = await tryBitmap(photo, { resizeWidth: 64 });
  if (!tiny) return undefined;
  const isTurned = width > height !== tiny.width > tiny.height;
  tiny.close();
  const scale = Math.sqrt(pixels / (width * height));
  const size = isTurned ? shrink(height, width, scale) : shrink(width, height, scale);
  const bitmap = await tryBitmap(photo, size);
  return bitmap && readAndClose(bitmap, scale);
}

/** @param {number} width @param {number} height @param {number} scale */
function shrink(width, height, scale) {
  return { resizeWidth: Math.max(1, Math.round(width * scale)), resizeHeight: Math.max(1, Math.round(height * scale)) };
}

/**
 * The browser's decoder applies EXIF orientation and the colour profile.
 * @param {Blob | ImageBitmap} source
 * @param {ImageBitmapOptions} [size]
 */
function tryBitmap(source, size = {}) {
  return createImageBitmap(source, { imageOrientation: "from-image", resizeQuality: "high", ...size }).catch(() => undefined);
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} scale
 * @returns {Promise<Decoded | undefined>} nothing if the browser cannot hold it
 */
async function readAndClose(bitmap, scale) {
  try {
    const { data, width, height } = await readPixels(bitmap);
    return { rgba: /** @type {Pixels["rgba"]} */ (data), width, height, scale };
  } catch (thrown) {
    if (thrown instanceof NijigenError) throw thrown;
    return undefined;
  } finally {
    bitmap.close();
  }
}
