/**
 * Nijigen: photos into anime pictures, on this device.
 *
 *     import { createStylizer } from "./nijigen/index.js";
 *     const stylizer = await createStylizer();
 *     const { blob } = await stylizer.stylize(file);
 */

import { untilAborted } from "./page/abort.js";
import { defaultAssets, findStyle, toFolder } from "./page/styles.js";
import { Stylizer } from "./page/stylizer.js";
import { VARIANTS } from "./page/variants.js";

export { capabilities } from "./shared/capabilities.js";
export { NijigenError } from "./shared/errors.js";
export { preload } from "./page/preload.js";
export { listStyles } from "./page/styles.js";

/** @typedef {import("./shared/capabilities.js").Capabilities} Capabilities */
/** @typedef {import("./shared/errors.js").ErrorCode} ErrorCode */
/** @typedef {import("./page/faces.js").Face} Face */
/** @typedef {import("./page/faces.js").FaceProvider} FaceProvider */
/** @typedef {import("./page/photo.js").Source} Source */
/** @typedef {import("./page/preload.js").PreloadOptions} PreloadOptions */
/** @typedef {import("./page/queue.js").Job} Job */
/** @typedef {import("./page/queue.js").Queue} Queue */
/** @typedef {import("./page/styles.js").StyleEntry} StyleEntry */
/** @typedef {import("./page/stylizer.js").Device} Device */
/** @typedef {import("./page/stylizer.js").DrawnFace} DrawnFace */
/** @typedef {import("./page/stylizer.js").Estimate} Estimate */
/** @typedef {import("./page/stylizer.js").Picture} Picture */
/** @typedef {import("./page/stylizer.js").StylizeOptions} StylizeOptions */
/** @typedef {import("./page/stylizer.js").StylizerOptions} StylizerOptions */
/** @typedef {import("./page/variants.js").Variant} Variant */

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
