/** Whether a canvas is one: beyond a browser's limits, which none tells, it stays blank or throws. */

import { PART_PX, TOLERABLE, readPart, worstError } from "./read_pixels.js";

/**
 * Tries a canvas, unless it is small, by a pixel in its far corner, which is cleared again.
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas whose context is a 2D one
 * @returns {Promise<boolean>}
 */
export async function keepsPixels(canvas) {
  if (canvas.width <= PART_PX && canvas.height <= PART_PX) return true;
  const context = /** @type {OffscreenCanvasRenderingContext2D | null} */ (canvas.getContext("2d"));
  const known = new ImageData(Uint8ClampedArray.of(200, 100, 50, 255), 1);
  const [x, y] = [canvas.width - 1, canvas.height - 1];
  try {
    context?.putImageData(known, x, y);
    const read = await readPart(canvas, x, y, 1, 1);
    context?.clearRect(x, y, 1, 1);
    return worstError(known.data, read) <= TOLERABLE;
  } catch {
    return false;
  }
}
