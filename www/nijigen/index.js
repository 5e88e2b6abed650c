/**
 * Nijigen: photos into anime pictures, on this device.
 *
 *     import { createStylizer } from "./nijigen/index.js";
 *     const stylizer = await createStylizer();
 *     const { blob } = await stylizer.stylize(file);
 */

import { untilAborted } from "./page/abort.js";
import { checkStylizerOptions } from "./page/options.js";
import { findFiles } from "./page/package_files.js";
import { findStyle } from "./page/styles.js";
import { Stylizer } from "./page/stylizer.js";

export { Stylizer };
export { preload } from "./page/preload.js";
export { listLooks, listStyles } from "./page/styles.js";
export { capabilities } from "./shared/capabilities.js";
export { encodePixels } from "./shared/encode_pixels.js";
export { NijigenError } from "./shared/errors.js";
export { mixPixels } from "./shared/mix_pixels.js";
export { readPixels } from "./shared/read_pixels.js";

/** @typedef {import("./page/estimate.js").Estimate} Estimate */
/** @typedef {import("./page/open_photo.js").OpenPhoto} OpenPhoto */
/** @typedef {import("./page/options.js").Device} Device */
/** @typedef {import("./page/options.js").DrawnFace} DrawnFace */
/** @typedef {import("./page/options.js").Face} Face */
/** @typedef {import("./page/options.js").FaceProvider} FaceProvider */
/** @typedef {import("./page/options.js").Picture} Picture */
/** @typedef {import("./page/options.js").StylizeOptions} StylizeOptions */
/** @typedef {import("./page/options.js").StylizerOptions} StylizerOptions */
/** @typedef {import("./page/options.js").Variant} Variant */
/** @typedef {import("./page/photo.js").Source} Source */
/** @typedef {import("./page/preload.js").PreloadOptions} PreloadOptions */
/** @typedef {import("./page/queue.js").Job} Job */
/** @typedef {import("./page/queue.js").Queue} Queue */
/** @typedef {import("./page/styles.js").Look} Look */
/** @typedef {import("./page/styles.js").StyleEntry} StyleEntry */
/** @typedef {import("./shared/capabilities.js").Capabilities} Capabilities */
/** @typedef {import("./shared/errors.js").ErrorCode} ErrorCode */

/**
 * Loads an engine and a style.
 * @param {StylizerOptions} [options]
 * @returns {Promise<Stylizer>}
 * @throws {NijigenError}
 */
export async function createStylizer(options = {}) {
  checkStylizerOptions(options);
  const { signal } = options;
  const find = async () => {
    const files = await findFiles(options.assets);
    const [style, modules] = await Promise.all([findStyle(options.style, files), files.modules(signal)]);
    return new Stylizer({ ...files, ...style, modules }, options);
  };
  const stylizer = await untilAborted(find(), signal);
  try {
    await untilAborted(stylizer.ready(), signal);
  } catch (error) {
    stylizer.dispose();
    throw error;
  }
  return stylizer;
}
