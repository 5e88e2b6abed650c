/**
 * Pixels as a file, by the browser's encoder where it can be trusted: not where canvases give noise, nor for what is larger
 * than its canvases can be.
 */

import { newCanvas } from "./canvas.js";
import { NijigenError } from "./errors.js";
import { canWritePng, writePng } from "./png.js";
import { PART_PX, TOLERABLE, makePattern, readPart, readPixels, worstError } from "./read_pixels.js";

/** @typedef {{type: string, quality?: number}} Format a file's type, and the quality of JPEG and WebP, 0 to 1 */

/** Side of the spots at which a file is compared with its pixels. */
const SPOT_PX = 16;
/** How far a spot's mean may be off in a file of low quality, in levels of 255. */
const SPOT_TOLERANCE = 64;

/** Whether the encoder was found to be trusted. @type {Promise<boolean> | undefined} */
let isTrusted;

/**
 * @param {ImageData} image
 * @param {Format} format
 * @returns {Promise<Blob>} a PNG, where the browser cannot write the format
 * @throws {NijigenError} "canvas-blocked"
 */
export async function encodePixels(image, format) {
  if (await (isTrusted ??= tryEncoder())) {
    const blob = await encodeByCanvas(image, format).catch(() => undefined);
    if (blob && (await shows(blob, image))) return blob;
  }
  if (canWritePng()) return writePng(image);
  throw new NijigenError("canvas-blocked", "This browser does not let pages make picture files of this size.");
}

/** @returns {Promise<boolean>} */
async function tryEncoder() {
  const pattern = makePattern();
  try {
    const blob = await encodeByCanvas(pattern, { type: "image/png" });
    const read = await readPixels(await createImageBitmap(blob));
    return worstError(pattern.data, read.data) <= TOLERABLE;
  } catch {
    return false;
  }
}

/**
 * @param {ImageData} image
 * @param {Format} format
 * @returns {Promise<Blob>}
 */
async function encodeByCanvas(image, format) {
  const { width, height } = image;
  const { canvas, context } = newCanvas(width, height);
  context.putImageData(image, 0, 0);
  if (format.type === "image/jpeg") {
    // It has no transparency.
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
  }
  return canvas.convertToBlob(format);
}

/**
 * Whether a file shows its pixels, by nine spots. That small ones do is known.
 * @param {Blob} blob
 * @param {ImageData} image
 */
async function shows(blob, { data, width, height }) {
  if (width <= PART_PX && height <= PART_PX) return true;
  const [columns, rows] = [Math.min(SPOT_PX, width), Math.min(SPOT_PX, height)];
  const channels = blob.type === "image/jpeg" ? 3 : 4;
  try {
    const bitmap = await createImageBitmap(blob);
    for (const down of [0, 0.5, 1]) {
      for (const across of [0, 0.5, 1]) {
        const [x, y] = [Math.floor(across * (width - columns)), Math.floor(down * (height - rows))];
        const seen = mean(await readPart(bitmap, x, y, columns, rows), columns, [0, 0, columns, rows]);
        const drawn = mean(data, width, [x, y, columns, rows]);
        for (let i = 0; i < channels; i++) if (Math.abs(seen[i] - drawn[i]) > SPOT_TOLERANCE) return false;
      }
    }
    bitmap.close();
    return true;
  } catch {
    return false;
  }
}

/**
 * The mean colour over white, and the mean alpha.
 * @param {Uint8ClampedArray} rgba
 * @param {number} width
 * @param {[x: number, y: number, columns: number, rows: number]} spot
 */
function mean(rgba, width, [left, top, columns, rows]) {
  const sums = [0, 0, 0, 0];
  for (let y = top; y < top + rows; y++) {
    for (let x = left; x < left + columns; x++) {
      const [r, g, b, alpha] = rgba.subarray(4 * (width * y + x));
      [r, g, b].forEach((value, i) => (sums[i] += 255 + ((value - 255) * alpha) / 255));
      sums[3] += alpha;
    }
  }
  return sums.map((sum) => sum / (columns * rows));
}
