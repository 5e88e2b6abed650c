/** Which of a style's networks suits a device: a style may have a full, a compact and a tiny one. */

import { isSmallPhone, webGpuAdapter } from "../shared/capabilities.js";

/** @typedef {"full" | "compact" | "tiny"} Variant how large a network is; the larger, the finer its pictures */

/**
 * A style's file.
 * @typedef {import("../shared/protocol.js").StyleSource & {variant?: Variant, ms?: number}} Network without a variant it is
 *   full; `ms` is its time for 512 × 512 on the machine that wrote the manifest
 */

/** A style that lacks the network that is wanted is drawn with the next of these. */
const INSTEAD = /** @type {const} */ ({
  full: ["full", "compact", "tiny"],
  compact: ["compact", "full", "tiny"],
  tiny: ["tiny", "compact", "full"],
});

export const VARIANTS = /** @type {Variant[]} */ (Object.keys(INSTEAD));

/**
 * @template {{variant?: Variant}} T a style's network
 * @param {T[]} networks of one style, at least one
 * @param {Variant} wanted
 * @returns {T} the wanted one, or what comes nearest
 */
export function nearest(networks, wanted) {
  const place = (/** @type {T} */ { variant = "full" }) => INSTEAD[wanted].indexOf(variant);
  return networks.reduce((best, other) => (place(other) < place(best) ? other : best));
}

/**
 * What suits an engine on this device: the full network a GPU, the compact one a CPU and a GPU that is emulated by
 * it, the tiny one a small phone.
 * @param {"cpu" | "gpu"} engine
 * @returns {Promise<Variant>}
 */
export async function suitable(engine) {
  if (engine === "gpu" && (await webGpuAdapter()) === "real") return "full";
  return isSmallPhone() ? "tiny" : "compact";
}
