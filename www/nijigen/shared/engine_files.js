/** Which of the WebAssembly modules suits the browser, and what its files are called. */

import { hasRelaxedSimd } from "./capabilities.js";

/** Name of a module's WebAssembly file in its folder. */
export const WASM_FILE = "nijigen_bg.wasm";
/** Name of the script beside it. */
export const SCRIPT_FILE = "nijigen.js";

/**
 * @param {"cpu" | "gpu"} engine
 * @param {number} threads
 * @returns {string} name of the module's folder
 */
export function moduleName(engine, threads) {
  if (engine === "gpu") return "gpu";
  return `cpu${hasRelaxedSimd() ? "-relaxed" : ""}${threads > 1 ? "-threads" : ""}`;
}
