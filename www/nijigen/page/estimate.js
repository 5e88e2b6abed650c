/** What a conversion will take. */

import { MAX_COPIED_PIXELS } from "../shared/protocol.js";
import { DEFAULT_SIZE_PX, checkStylizeOptions } from "./options.js";

/** Side of a portrait. */
const PORTRAIT_SIDE_PX = 512;

/**
 * @typedef {object} Estimate
 * @property {number} ms
 * @property {number} [bytes] of memory at most; undefined on a GPU, whose memory nobody sees
 */

/**
 * @param {import("./engine.js").Engine} engine
 * @param {number} width of the photo in pixels
 * @param {number} height
 * @param {Pick<import("./options.js").StylizeOptions, "size" | "faces">} options
 * @returns {Promise<Estimate>}
 * @throws {TypeError} naming the wrong value
 */
export async function estimate(engine, width, height, options) {
  for (const [name, side] of Object.entries({ width, height })) {
    if (!(side >= 1)) throw new TypeError(`${name} is ${side}, expected a number of 1 or more`);
  }
  checkStylizeOptions(options);
  const { size = DEFAULT_SIZE_PX, faces = "off" } = options;
  const portrait = Math.min(size, PORTRAIT_SIDE_PX);
  const shrink = Math.min(1, size / Math.max(width, height));
  const [wholeWidth, wholeHeight] = [width, height].map((side) => Math.max(1, Math.round(side * shrink)));
  const drawn = [];
  if (faces !== "faces") drawn.push(await engine.ask("estimate", { width: wholeWidth, height: wholeHeight }));
  if (faces !== "off") {
    const face = await engine.ask("estimate", { width: portrait, height: portrait });
    drawn.push({ ...face, ms: face.ms * engine.faceTime });
  }
  // The photo, which the worker holds too.
  const photo = 4 * Math.min(width * height, MAX_COPIED_PIXELS);
  const ms = drawn.reduce((sum, { ms }) => sum + ms, 0);
  const bytes = drawn.flatMap(({ bytes }) => bytes ?? []);
  return { ms, ...(bytes.length ? { bytes: photo + Math.max(...bytes, photo) } : {}) };
}
