/** Loads the WebAssembly module that suits the browser. */

/**
 * A function that uses an instruction of relaxed SIMD (fused multiply-add and its relatives; no
 * Safari has it): `i32x4.relaxed_trunc_f32x4_s` of `v128.const 0`.
 */
const RELAXED_SIMD_PROBE = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // types: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // functions: one of type 0
  ...[0x0a, 0x19, 0x01, 0x17, 0x00, 0xfd, 0x0c, ...new Array(16).fill(0), 0xfd, 0x81, 0x02, 0x0b],
]);

/** More threads gain little: they share the memory's bandwidth, and large cores are few. */
const MAX_THREADS = 8;

/**
 * Threads that the CPU engine can use here: 1 unless the page is cross-origin isolated.
 * @param {number} [wanted] default: as many as the device has
 */
export function threadCount(wanted = navigator.hardwareConcurrency ?? 1) {
  if (!globalThis.crossOriginIsolated) return 1;
  return Math.max(1, Math.min(wanted, MAX_THREADS));
}

/**
 * @param {"cpu" | "gpu"} engine
 * @param {number} threads
 * @returns {string} name of the module's folder
 */
export function moduleName(engine, threads) {
  if (engine === "gpu") return "gpu";
  const relaxed = WebAssembly.validate(RELAXED_SIMD_PROBE) ? "-relaxed" : "";
  return `cpu${relaxed}${threads > 1 ? "-threads" : ""}`;
}

/**
 * @param {string} folder of the module, with a slash at its end
 * @param {number} threads
 * @param {(receivedBytes: number) => void} [onProgress]
 * @returns {Promise<any>} the module's exports
 */
export async function loadModule(folder, threads, onProgress = () => {}) {
  const script = `${folder}nijigen.js`;
  const url = new URL("nijigen_bg.wasm", folder);
  const [loaded, response] = await Promise.all([import(script), fetch(url)]);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  // A copy is counted, so that the browser can compile the original while it arrives, and cache
  // what it compiled.
  let received = 0;
  const counter = new WritableStream({
    write: (chunk) => onProgress((received += chunk.length)),
  });
  response.clone().body?.pipeTo(counter).catch(() => {});
  if (threads === 1) {
    // The module's own loader copes with hosts that serve it as another type.
    await loaded.default({ module_or_path: response });
    return loaded;
  }
  const compiled = await WebAssembly.compileStreaming(response);
  const { memory } = await loaded.default({ module_or_path: compiled });
  const start = { script, compiled, memory };
  await Promise.all(Array.from({ length: threads }, () => startThread(start)));
  loaded.start_threads(threads);
  return loaded;
}

/** Workers of the pool, held so that they are not collected. @type {Worker[]} */
const threadWorkers = [];

/**
 * @param {{script: string, compiled: WebAssembly.Module, memory: WebAssembly.Memory}} start
 * @returns {Promise<void>} fulfilled when the worker is ready to become a thread
 */
function startThread(start) {
  const worker = new Worker(new URL("./thread.js", import.meta.url), { type: "module" });
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
