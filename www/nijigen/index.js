/**
 * Nijigen: photos into anime pictures, on this device.
 *
 *     import { createStylizer } from "./nijigen/index.js";
 *     const stylizer = await createStylizer();
 *     const { blob } = await stylizer.stylize(file);
 */

import { untilAborted } from "./abort.js";
import { defaultAssets, findStyle, toFolder } from "./styles.js";
import { Stylizer } from "./stylizer.js";
import { VARIANTS } from "./variants.js";

export { capabilities } from "./capabilities.js";
export { NijigenError } from "./errors.js";
export { preload } from "./preload.js";
export { listStyles } from "./styles.js";

/** @typedef {import("./capabilities.js").Capabilities} Capabilities */
/** @typedef {import("./errors.js").ErrorCode} ErrorCode */
/** @typedef {import("./faces.js").Face} Face */
/** @typedef {import("./faces.js").FaceProvider} FaceProvider */
/** @typedef {import("./photo.js").Source} Source */
/** @typedef {import("./preload.js").PreloadOptions} PreloadOptions */
/** @typedef {import("./queue.js").Job} Job */
/** @typedef {import("./queue.js").Queue} Queue */
/** @typedef {import("./styles.js").StyleEntry} StyleEntry */
/** @typedef {import("./stylizer.js").Device} Device */
/** @typedef {import("./stylizer.js").DrawnFace} DrawnFace */
/** @typedef {import("./stylizer.js").Estimate} Estimate */
/** @typedef {import("./stylizer.js").Picture} Picture */
/** @typedef {import("./stylizer.js").StylizeOptions} StylizeOptions */
/** @typedef {import("./stylizer.js").StylizerOptions} StylizerOptions */
/** @typedef {import("./variants.js").Variant} Variant */

/**
 * Loads an engine and a style.
 * @param {StylizerOptions} [options]
 * @returns {Promise<Stylizer>}
 * @throws {NijigenError}
 */
export async function createStylizer(options = {}) {
  const { device = "auto", signal } = options;
  if (!["auto", "webgpu", "cpu"].includes(device)) {
    throw new TypeError(`device is "${device}", expected "auto", "webgpu" or "cpu"`);
  }
  const { threads, precision = "auto", variant = "auto" } = options;
  if (!["auto", ...VARIANTS].includes(variant)) {
    throw new TypeError(`variant is "${variant}", expected "auto", "${VARIANTS.join('", "')}"`);
  }
  if (!["auto", "f32", "int8"].includes(precision)) {
    throw new TypeError(`precision is "${precision}", expected "auto", "f32" or "int8"`);
  }
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1)) {
    throw new TypeError(`threads is ${threads}, expected a whole number above 0`);
  }
  const assets = toFolder(options.assets ?? defaultAssets());
  const networks = await untilAborted(findStyle(options.style, assets), signal);
  const stylizer = new Stylizer(device, assets, networks, options);
  try {
    await untilAborted(stylizer.ready(), signal);
  } catch (error) {
    stylizer.dispose();
    throw error;
  }
  return stylizer;
}
