/** Loads an engine's module and a style, and puts the style on the engine. */

import { fetchAsset } from "../shared/assets.js";
import { threadCount, webGpuAdapter } from "../shared/capabilities.js";
import { engineFile } from "../shared/engine_files.js";
import { NijigenError, toNijigenError } from "../shared/errors.js";
import { loadModule } from "./module.js";
import { Pace } from "./pace.js";

/** @typedef {import("../shared/answer_requests.js").Progress} Progress */
/** @typedef {import("./module.js").EngineModule} EngineModule */
/** @typedef {import("../shared/protocol.js").StartRequest} StartRequest */
/** @typedef {import("../shared/protocol.js").StyleSource} StyleSource */

/** So much faster 8-bit products must be to be worth their small errors. */
const INT8_SPEEDUP = 1.1;

/** A style that takes longer than this for 512 × 512 pixels is slow: 1024 × 1024 take four times as long. */
const SLOW_MS = 8000;
/** At first, browsers run modules in slow code, and other programs may have the CPU for a while. */
const SLOW_TRIALS = 4;

/**
 * @typedef {object} Loaded
 * @property {EngineModule} module
 * @property {import("./module.js").Stylizer} stylizer the style on the engine
 * @property {boolean} isLighter whether it is the lighter style
 * @property {boolean} int8 whether products are in 8 bits
 */

/**
 * @param {StartRequest} request
 * @param {Progress} progress
 * @returns {Promise<Loaded>}
 * @throws {NijigenError}
 */
export async function loadEngine(request, progress) {
  if (request.engine === "gpu") await requireAdapter(request.allowFallbackAdapter);
  const { style, lighter, keep } = request;
  const fetched = fetchStyle(style, keep, progress);
  // Whichever fails first is reported; the other must not be an unhandled rejection.
  fetched.catch(() => {});
  const module = await fetchModule(request, progress).catch((thrown) => {
    if (thrown instanceof NijigenError) throw thrown;
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError(
      "load-failed",
      `The ${request.engine === "gpu" ? "WebGPU" : "CPU"} engine could not be loaded (${why}).`,
    );
  });
  // Shaders are compiled while the style is on its way.
  if (request.engine === "gpu") await warmUp(module, style);
  const int8 = request.engine === "cpu" && usesInt8(module, request.precision);
  /** @param {StyleSource} source @param {Promise<Uint8Array>} [fetched] */
  const create = (source, fetched) =>
    useStyle(source, keep, progress, (bytes) => module.Stylizer.create(bytes, source.sha256, int8), fetched);
  const stylizer = await create(style, fetched);
  if (!lighter || !(await isSlow(stylizer))) return { module, stylizer, isLighter: false, int8 };
  try {
    const other = await create(lighter);
    stylizer.free();
    return { module, stylizer: other, isLighter: true, int8 };
  } catch (thrown) {
    // What cannot be had, as without a network, is done without.
    console.warn("The lighter network could not be loaded.", thrown);
    return { module, stylizer, isLighter: false, int8 };
  }
}

/**
 * Fetches a style and does something with it; once more if it is not the file that it should be.
 * @template T
 * @param {StyleSource} source
 * @param {boolean} keep whether it may be kept in Cache storage
 * @param {Progress} progress
 * @param {(bytes: Uint8Array) => Promise<T>} use verifies it
 * @param {Promise<Uint8Array>} [fetched] the file, if it is on its way
 * @returns {Promise<T>}
 */
export async function useStyle(source, keep, progress, use, fetched = fetchStyle(source, keep, progress)) {
  try {
    return await use(await fetched);
  } catch (thrown) {
    const { code } = toNijigenError(thrown);
    if (code !== "style-hash" && code !== "style-invalid") throw thrown;
    // A cache may hold the file of another release than the manifest's.
    return use(await fetchStyle(source, keep, progress, "reload"));
  }
}

/** @param {any} module of the GPU @param {StyleSource & {variant?: string}} style */
function warmUp(module, { variant = "" }) {
  return module.warm_up(variant).catch((/** @type {unknown} */ thrown) => {
    throw toNijigenError(thrown);
  });
}

/** Whether the style is slow on this device, again and again. @param {import("./module.js").Stylizer} stylizer */
async function isSlow(stylizer) {
  for (let i = 0; i < SLOW_TRIALS; i++) {
    if ((await new Pace(stylizer).estimate(512, 512)).ms <= SLOW_MS) return false;
  }
  return true;
}

/** @param {EngineModule} module @param {StartRequest["precision"]} precision */
function usesInt8(module, precision) {
  if (precision !== "auto") return precision === "int8";
  return module.int8_speedup(() => performance.now()) > INT8_SPEEDUP;
}

/**
 * @param {StartRequest} request
 * @param {Progress} progress
 * @returns {Promise<EngineModule>}
 */
async function fetchModule({ engine, modules, threads, keep, workerUrl }, progress) {
  const count = engine === "cpu" ? threadCount(threads) : 1;
  /** @param {number} threads */
  const load = async (threads) => {
    const { name, file, threads: usable } = engineFile(modules, engine, threads);
    return loadModule(name, file, usable, {
      keep,
      onProgress: (received) => progress("engine", received, file.bytes ?? 0),
      workerUrl,
    });
  };
  if (count === 1) return load(1);
  // Shared memory must be reserved at once, which a phone may refuse.
  return load(count).catch(() => load(1));
}

/**
 * Looks at the adapter before megabytes of engine are loaded for it.
 * @param {boolean} allowFallback
 */
async function requireAdapter(allowFallback) {
  const adapter = await webGpuAdapter();
  if (adapter === "none") {
    throw new NijigenError("gpu-unavailable", "This browser offers no WebGPU device.");
  }
  if (adapter === "fallback" && !allowFallback) {
    throw new NijigenError(
      "gpu-fallback-adapter",
      "This browser's WebGPU device is emulated in software, which is slower than the CPU engine.",
    );
  }
}

/**
 * @param {StyleSource} style
 * @param {boolean} keep
 * @param {Progress} progress
 * @param {RequestCache} [cache]
 * @returns {Promise<Uint8Array>}
 */
async function fetchStyle(style, keep, progress, cache) {
  const { url, bytes: expected = 0 } = style;
  /** @param {number} received */
  const onProgress = (received) => progress("style", received, expected);
  let bytes;
  try {
    bytes = await (await fetchAsset(style, { keep, cache, onProgress })).bytes;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError("load-failed", `The style ${url} could not be loaded (${why}).`);
  }
  if (expected && bytes.length !== expected) {
    throw new NijigenError(
      "style-invalid",
      `The style ${url} has ${bytes.length} bytes, expected ${expected}.`,
    );
  }
  return bytes;
}
