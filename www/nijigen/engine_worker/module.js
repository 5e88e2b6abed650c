/** Loads one of the engine's WebAssembly modules, and starts its threads. */

import { fetchAsset, hasHash, wrongHash } from "../shared/assets.js";
import { SCRIPT_FILE, WASM_FILE } from "../shared/engine_files.js";
import { NijigenError } from "../shared/errors.js";
import { startWorker } from "../shared/start_worker.js";

/**
 * What the engines' modules export. That of the GPU lacks what measures and plans, and only those with threads have
 * what starts them.
 * @typedef {typeof import("../../../target/wasm/cpu/nijigen.js")} EngineModule
 */
/** @typedef {import("../../../target/wasm/cpu/nijigen.js").Stylizer} Stylizer a style on an engine */

/**
 * @param {string} folder of the module, with a slash at its end
 * @param {number} threads
 * @param {object} [options]
 * @param {{bytes: number, sha256: string}} [options.known] what the module must be
 * @param {boolean} [options.keep] whether it may be kept in Cache storage
 * @param {(receivedBytes: number) => void} [options.onProgress]
 * @param {string} [options.workerUrl] see {@link startWorker}
 * @returns {Promise<EngineModule>}
 * @throws {NijigenError} with code "engine-hash" if it is another one than is known
 */
export async function loadModule(folder, threads, { known, keep, onProgress, workerUrl } = {}) {
  const script = `${folder}${SCRIPT_FILE}`;
  const asset = { url: `${folder}${WASM_FILE}`, ...known };
  const compile = async (/** @type {RequestCache} */ cache) => {
    const { response, bytes } = await fetchAsset(asset, { keep, cache, onProgress });
    const isWasm = response.headers.get("Content-Type")?.startsWith("application/wasm");
    const compiled = isWasm ? WebAssembly.compileStreaming(response) : bytes.then(WebAssembly.compile);
    compiled.catch(() => {});
    const isIntact = await hasHash(await bytes, asset);
    return isIntact ? compiled : undefined;
  };
  // A cache may hold the file of another release.
  const [loaded, compiled] = await Promise.all([
    import(script),
    compile("default").then((compiled) => compiled ?? compile("reload")),
  ]);
  if (!compiled) {
    throw new NijigenError("engine-hash", `The engine's module ${wrongHash(asset)}`);
  }
  const { memory } = await loaded.default({ module_or_path: compiled });
  if (threads === 1) return loaded;
  const start = { script, compiled, memory };
  await Promise.all(Array.from({ length: threads }, () => startThread(start, workerUrl)));
  loaded.start_threads(threads);
  return loaded;
}

/** Workers of the pool, held so that they are not collected. @type {Worker[]} */
const threadWorkers = [];

/**
 * @param {{script: string, compiled: WebAssembly.Module, memory: WebAssembly.Memory}} start
 * @param {string} [workerUrl]
 * @returns {Promise<void>} fulfilled when the worker is ready to become a thread
 */
function startThread(start, workerUrl) {
  const worker = startWorker("thread", workerUrl);
  threadWorkers.push(worker);
  worker.postMessage(start);
  return new Promise((resolve, reject) => {
    /** @param {string} why */
    const fail = (why) => reject(new Error(`a thread could not be started (${why})`));
    worker.addEventListener("message", ({ data }) => (data === "ready" ? resolve() : fail(data)), {
      once: true,
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      fail(event.message);
    });
  });
}
