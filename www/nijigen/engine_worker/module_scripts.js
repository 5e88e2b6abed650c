/**
 * The scripts of the engine's WebAssembly modules, which wasm-bindgen writes. Named one by one, and not imported when they
 * are needed: bundlers follow no address that is put together, and those that make one file of a worker cannot split it.
 */

import * as cpu from "../wasm/cpu/nijigen.js";
import * as cpuThreads from "../wasm/cpu-threads/nijigen.js";
import * as gpu from "../wasm/gpu/nijigen.js";

/**
 * What they export. That of the GPU lacks what measures and plans, and only those with threads have what starts them.
 * @typedef {typeof cpu} EngineModule
 */
/** @typedef {import("../wasm/cpu/nijigen.js").Stylizer} Stylizer a style on an engine */

/** By the names of the modules' folders; tools/dist.mjs holds that relaxed SIMD makes no difference. @type {Record<string, any>} */
export const moduleScripts = {
  cpu,
  "cpu-relaxed": cpu,
  "cpu-threads": cpuThreads,
  "cpu-relaxed-threads": cpuThreads,
  gpu,
};
