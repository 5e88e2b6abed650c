/** Loads one of the engine's WebAssembly modules, and starts its threads. */

import { fetchAsset, hasHash, wrongHash } from "../shared/assets.js";
import { NijigenError } from "../shared/errors.js";
import { plainFolder } from "../shared/plain_files.js";
import { startWorker } from "../shared/start_worker.js";
import { scriptUrl } from "../shared/trusted_types.js";
import { moduleScripts } from "./module_scripts.js";
import { THREAD_NAME } from "./thread.js";

/** @typedef {import("./module_scripts.js").EngineModule} EngineModule */
/** @typedef {import("./module_scripts.js").Stylizer} Stylizer a style on an engine */

/**
 * @param {string} name of the module
 * @param {import("../shared/assets.js").Asset} asset its WebAssembly
 * @param {number} threads
 * @param {object} [options]
 * @param {boolean} [options.keep] whether it may be kept in Cache storage
 * @param {(receivedBytes: number) => void} [options.onProgress]
 * @param {string} [options.workerUrl] see {@link startWorker}
 * @returns {Promise<EngineModule>}
 * @throws {NijigenError} with code "engine-hash" if it is another one than is known
 */
export async function loadModule(name, asset, threads, { keep, onProgress, workerUrl } = {}) {
  const compile = async (/** @type {RequestCache} */ cache) => {
    const { response, bytes } = await fetchAsset(asset, { keep, cache, onProgress });
    const isWasm = response.headers.get("Content-Type")?.startsWith("application/wasm");
    const compiled = isWasm ? WebAssembly.compileStreaming(response) : bytes.then(WebAssembly.compile);
    compiled.catch(() => {});
    const isIntact = await hasHash(await bytes, asset);
    return isIntact ? compiled : undefined;
  };
  // A cache may hold the file of another release.
  const compiled = (await compile("default")) ?? (await compile("reload"));
  if (!compiled) {
    throw new NijigenError("engine-hash", `The engine's module ${wrongHash(asset)}`);
  }
  const script = moduleScripts[name];
  const { memory } = await script.default({ module_or_path: compiled });
  if (threads === 1) return script;
  await Promise.all(Array.from({ length: threads }, () => startThread({ compiled, memory }, workerUrl)));
  script.start_threads(threads);
  return script;
}

/** A worker with this worker's own script: bundlers lose what two scripts of workers share. @returns {Worker} */
function startAgain() {
  return new Worker(scriptUrl(self.location.href), { type: isModule() ? "module" : "classic", name: THREAD_NAME });
}

/** Whether this worker's script is a module: bundlers make either of it. */
function isModule() {
  try {
    self.importScripts();
    return false;
  } catch {
    return true;
  }
}

/** Workers of the pool, held so that they are not collected. @type {Worker[]} */
const threadWorkers = [];

/**
 * @param {import("./thread.js").ThreadStart} start
 * @param {string} [workerUrl]
 * @returns {Promise<void>} fulfilled when the worker is ready to become a thread
 */
function startThread(start, workerUrl) {
  const folder = plainFolder(import.meta.url, "engine_worker/module.js")?.href;
  const worker = startWorker("thread", { workerUrl, folder }, startAgain);
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
