/** Which of the WebAssembly modules suits the browser, and which file it is. */

import { hasRelaxedSimd } from "./capabilities.js";
import { NijigenError } from "./errors.js";

/**
 * The best of the listed modules: a host may leave out what it does without, and what is being built comes later.
 * @template File
 * @param {Record<string, File>} modules by their paths in `nijigen/wasm/`
 * @param {"cpu" | "gpu"} engine
 * @param {number} threads
 * @returns {{name: string, file: File, threads: number}} name of its folder, its WebAssembly, and the threads that it uses
 * @throws {NijigenError} with code "load-failed" if none is listed that the browser can run
 */
export function engineFile(modules, engine, threads) {
  const names = engine === "gpu" ? ["gpu"] : cpuModules(threads);
  for (const name of names) {
    const file = modules[`${name}/nijigen_bg.wasm`];
    if (file) return { name, file, threads: name.endsWith("-threads") ? threads : 1 };
  }
  throw new NijigenError("load-failed", `The engine's module ${names.join(" or ")} is not in the list of files.`);
}

/** The names of the modules that the browser can run, from the fastest on. @param {number} threads */
function cpuModules(threads) {
  const simd = hasRelaxedSimd() ? ["-relaxed", ""] : [""];
  const ends = threads > 1 ? ["-threads", ""] : [""];
  return ends.flatMap((end) => simd.map((level) => `cpu${level}${end}`));
}
