/** Canvases of workers, which are read and never shown. */

import { NijigenError } from "./errors.js";

/**
 * @param {number} width in pixels
 * @param {number} height
 * @throws {NijigenError} with code "engine-failed" where the browser has none
 */
export function newCanvas(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  // A canvas on the GPU would only add a transfer.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new NijigenError("engine-failed", "This browser offers no canvas to a worker.");
  return { canvas, context };
}
