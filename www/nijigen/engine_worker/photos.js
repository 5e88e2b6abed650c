/** The photos that are open: each is decoded once, and its pixels stay here until it is closed. */

import { newCanvas } from "../shared/canvas.js";
import { NijigenError } from "../shared/errors.js";
import { MAX_COPIED_PIXELS } from "../shared/protocol.js";

/** @typedef {import("../shared/protocol.js").PhotoHandle} PhotoHandle */
/** @typedef {import("../shared/protocol.js").Pixels} Pixels */

/**
 * @typedef {PhotoHandle & {rgba: Promise<Pixels["rgba"]>}} Photo whose pixels come when they are back from whom they
 *   were lent to
 */

/** @type {Map<number, Photo>} */
const open = new Map();

/**
 * @param {import("../shared/protocol.js").OpenRequest} request
 * @param {(bytes: Uint8Array) => {format: string}} probe reads a photo file's header, and refuses what cannot be handled
 * @returns {Promise<PhotoHandle>}
 * @throws {NijigenError} for what is no photo, or none that can be handled
 */
export async function openPhoto({ photo, content }, probe) {
  const { rgba, ...size } = content instanceof Blob ? await decode(content, probe) : { ...content, scale: 1 };
  const handle = { photo, ...size };
  open.set(photo, { ...handle, rgba: Promise.resolve(rgba) });
  return handle;
}

/** @param {import("../shared/protocol.js").PhotoRequest} request */
export function closePhoto({ photo }) {
  open.delete(photo);
}

/**
 * @param {number} id
 * @returns {Photo}
 */
export function findPhoto(id) {
  const photo = open.get(id);
  if (!photo) throw new NijigenError("engine-failed", `There is no open photo ${id}.`);
  return photo;
}

/**
 * Sends a photo's pixels through the port; they come back by it.
 * @param {import("../shared/protocol.js").LendRequest} request
 */
export async function lendPhoto({ photo: id, port }) {
  const photo = findPhoto(id);
  const { width, height } = photo;
  const rgba = await photo.rgba;
  photo.rgba = new Promise((resolve) => {
    port.onmessage = ({ data }) => {
      port.close();
      resolve(data);
    };
  });
  /** @type {Pixels} */
  const pixels = { rgba, width, height };
  port.postMessage(pixels, [rgba.buffer]);
}

/**
 * @param {import("../shared/protocol.js").PhotoRequest} request
 * @param {import("../shared/answer_requests.js").Call} call
 * @returns {Promise<Pixels>}
 */
export async function copyPhoto({ photo: id }, { transfer }) {
  const { width, height, rgba } = findPhoto(id);
  const copy = (await rgba).slice();
  transfer.push(copy.buffer);
  return { rgba: copy, width, height };
}

/**
 * Decodes a photo file to upright sRGB pixels.
 * @param {Blob} file
 * @param {(bytes: Uint8Array) => {format: string}} probe
 * @returns {Promise<Pixels & {scale: number}>}
 */
async function decode(file, probe) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (thrown) {
    throw new NijigenError("photo-unreadable", `The photo's file cannot be read (${thrown}).`);
  }
  const { format } = probe(bytes);
  let bitmap;
  try {
    // The browser's decoder applies EXIF orientation and the colour profile. The type is left
    // out, so that a file with a wrong ending is judged by its contents.
    bitmap = await createImageBitmap(new Blob([bytes]), { imageOrientation: "from-image" });
  } catch {
    if (format === "HEIC" || format === "AVIF") {
      throw new NijigenError(
        "photo-unsupported",
        `This browser cannot open ${format} photos. Save the photo as JPEG or PNG and try again.`,
      );
    }
    throw new NijigenError("photo-unreadable", `This ${format} photo is damaged and cannot be read.`);
  }
  return readPixels(bitmap);
}

/**
 * Each step lets go of its copy of the photo before the next makes another: hundreds of megabytes are not left to be
 * collected.
 * @param {ImageBitmap} bitmap closed when it returns
 * @returns {Pixels & {scale: number}}
 */
function readPixels(bitmap) {
  const scale = Math.min(1, Math.sqrt(MAX_COPIED_PIXELS / (bitmap.width * bitmap.height)));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const { canvas, context } = newCanvas(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  canvas.width = canvas.height = 0;
  return { rgba: /** @type {Pixels["rgba"]} */ (rgba), width, height, scale };
}
