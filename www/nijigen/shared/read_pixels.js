/**
 * Pixels of bitmaps and canvases. Not every browser gives what was drawn: some answer with noise, as a protection against
 * fingerprinting, and none draws on a canvas beyond its limits. So each way to read is tried once, with pixels that are
 * known, and what is large is read in parts.
 */

import { newCanvas } from "./canvas.js";
import { NijigenError } from "./errors.js";

/** @typedef {ImageBitmap | HTMLCanvasElement | OffscreenCanvas} Readable */
/** @typedef {(source: Readable, x: number, y: number, width: number, height: number)
 *   => Promise<Uint8ClampedArray<ArrayBuffer>>} Way straight RGBA of a part */

/** Side of a part, in pixels: every browser has canvases of this size. */
export const PART_PX = 1024;
/** Side of the pattern. */
const PATTERN_PX = 32;
/** A way whose pixels are off by no more levels of 255 is taken at once: half-transparent pixels are rounded. */
const EXACT = 2;
/** Some browsers change pixels by so little that nobody sees it: better than no picture. */
export const TOLERABLE = 8;

/** The best way here, once it was looked for. @type {Promise<Way | undefined> | undefined} */
let best;

/**
 * @param {Readable} source of any size
 * @returns {Promise<ImageData>}
 * @throws {NijigenError} "canvas-blocked"
 */
export async function readPixels(source) {
  const { width, height } = source;
  if (width <= PART_PX && height <= PART_PX) {
    return new ImageData(await readPart(source, 0, 0, width, height), width, height);
  }
  const whole = new ImageData(width, height);
  for (let y = 0; y < height; y += PART_PX) {
    for (let x = 0; x < width; x += PART_PX) {
      const [columns, rows] = [Math.min(PART_PX, width - x), Math.min(PART_PX, height - y)];
      const part = await readPart(source, x, y, columns, rows);
      for (let row = 0; row < rows; row++) {
        const line = part.subarray(4 * columns * row, 4 * columns * (row + 1));
        whole.data.set(line, 4 * (width * (y + row) + x));
      }
    }
  }
  return whole;
}

/** A small part, with the best way. @type {Way} @throws {NijigenError} "canvas-blocked" */
export async function readPart(source, x, y, width, height) {
  const read = await (best ??= findBest());
  if (!read) {
    throw new NijigenError(
      "canvas-blocked",
      "This browser gives pages other pixels than those of the picture, or none, as a protection against fingerprinting.",
    );
  }
  return read(source, x, y, width, height);
}

/** @returns {Promise<Way | undefined>} nothing if all are useless */
async function findBest() {
  let [best, least] = [/** @type {Way | undefined} */ (undefined), TOLERABLE];
  for (const way of [byCanvas, byFrame]) {
    const error = await tryWay(way);
    if (error <= EXACT) return way;
    if (error <= least) [best, least] = [way, error];
  }
  return best;
}

/** @param {Way} way @returns {Promise<number>} its worst error, in levels of 255 */
async function tryWay(way) {
  const pattern = makePattern();
  try {
    const { canvas, context } = newCanvas(PATTERN_PX, PATTERN_PX);
    context.putImageData(pattern, 0, 0);
    return worstError(pattern.data, await way(canvas, 0, 0, PATTERN_PX, PATTERN_PX));
  } catch {
    return Infinity;
  }
}

/** @type {Way} */
async function byCanvas(source, x, y, width, height) {
  const { canvas, context } = newCanvas(width, height);
  context.drawImage(source, x, y, width, height, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  // Large, and not to wait for being collected.
  canvas.width = canvas.height = 0;
  return /** @type {Uint8ClampedArray<ArrayBuffer>} */ (data);
}

/** By WebCodecs, which copies without a canvas. @type {Way} */
async function byFrame(source, x, y, width, height) {
  const part = await createImageBitmap(source, x, y, width, height, { premultiplyAlpha: "none" });
  const frame = new VideoFrame(part, { timestamp: 0 });
  try {
    const rgba = new Uint8ClampedArray(4 * width * height);
    await frame.copyTo(rgba, { format: "RGBA", colorSpace: "srgb" });
    return rgba;
  } finally {
    frame.close();
    part.close();
  }
}

/** @param {Uint8ClampedArray} known @param {Uint8ClampedArray} read */
export function worstError(known, read) {
  return known.reduce((worst, value, i) => Math.max(worst, Math.abs(value - read[i])), 0);
}

/** Opaque and half-transparent pixels of many colours. */
export function makePattern() {
  const pattern = new ImageData(PATTERN_PX, PATTERN_PX);
  const { data } = pattern;
  for (let i = 0; i < data.length; i++) data[i] = Math.imul(i + 1, 2654435761) >>> 24;
  for (let i = 3; i < data.length; i += 4) data[i] = i % 8 === 3 ? 255 : 128;
  return pattern;
}
