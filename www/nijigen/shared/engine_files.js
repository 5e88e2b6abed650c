/** Which of the WebAssembly modules suits the browser, and which file it is. */

import { hasRelaxedSimd } from "./capabilities.js";
import { NijigenError } from "./errors.js";

/**
 * @param {"cpu" | "gpu"} engine
 * @param {number} threads
 * @returns {string} name of the module's folder
 */
export function moduleName(engine, threads) {
  if (engine === "gpu") return "gpu";
  return `cpu${hasRelaxedSimd() ? "-relaxed" : ""}${threads > 1 ? "-threads" : ""}`;
}

/**
 * @param {Record<string, import("./assets.js").Asset>} modules by their paths in `nijigen/wasm/`
 * @param {string} name of a module's folder
 * @returns {import("./assets.js").Asset}
 * @throws {NijigenError} with code "load-failed" if it is not listed
 */
export function moduleFile(modules, name) {
  const file = modules[`${name}/nijigen_bg.wasm`];
  if (!file) throw new NijigenError("load-failed", `The engine's module ${name} is not in the list of files.`);
  return file;
}
