/** Fetches what a first conversion would wait for. */

import { untilAborted } from "./abort.js";
import { fetchAsset, hasHash, wrongHash } from "../shared/assets.js";
import { threadCount, webGpuAdapter } from "../shared/capabilities.js";
import { engineFile } from "../shared/engine_files.js";
import { NijigenError, cancelled } from "../shared/errors.js";
import { keepsFiles } from "./options.js";
import { findFiles } from "./package_files.js";
import { findStyle } from "./styles.js";
import { nearest, suitable } from "./variants.js";

/**
 * @typedef {Pick<import("./options.js").StylizerOptions,
 *   "style" | "variant" | "device" | "assets" | "threads" | "cache" | "onProgress" | "signal">} PreloadOptions
 */

/**
 * Fetches an engine and a style into the browser's caches, and starts neither. What faces need is not fetched.
 * @param {PreloadOptions} [options] those of `createStylizer`
 * @returns {Promise<void>}
 * @throws {NijigenError} with code "load-failed", "cancelled", or "style-hash" or "engine-hash" if a file is
 *   not the one that is listed
 */
export async function preload({ signal, ...options } = {}) {
  const { device = "auto", variant = "auto", onProgress = () => {} } = options;
  const keep = options.cache ?? keepsFiles();
  const load = async () => {
    const usesGpu = device === "webgpu" || (device === "auto" && (await webGpuAdapter()) === "real");
    const files = await findFiles(options.assets);
    const [{ networks }, modules] = await Promise.all([findStyle(options.style, files), files.modules(signal)]);
    const engine = usesGpu ? engineFile(modules, "gpu", 1) : engineFile(modules, "cpu", threadCount(options.threads));
    const style = nearest(networks, variant === "auto" ? await suitable(usesGpu ? "gpu" : "cpu") : variant);
    /**
     * @param {"engine" | "style"} key
     * @param {import("../shared/assets.js").Asset} asset
     */
    const get = async (key, asset) => {
      const onBytes = (/** @type {number} */ received) => onProgress(key, received, asset.bytes ?? 0);
      const { bytes } = await fetchAsset(asset, { keep, signal, onProgress: onBytes });
      if (await hasHash(await bytes, asset)) return;
      throw new NijigenError(`${key}-hash`, wrongHash(asset));
    };
    await Promise.all([get("engine", engine.file), get("style", style)]);
  };
  const loading = load().catch((thrown) => {
    if (signal?.aborted) throw cancelled();
    if (thrown instanceof NijigenError) throw thrown;
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError("load-failed", `What an engine needs could not be loaded (${why}).`);
  });
  return untilAborted(loading, signal);
}
