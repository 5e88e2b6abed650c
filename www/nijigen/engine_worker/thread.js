/**
 * One thread of the CPU engine: the engine's module on the engine's memory. A plain file is a worker of its own; in a
 * bundle, a worker with the engine's script becomes one by its name.
 */

import * as script from "../wasm/cpu-threads/nijigen.js";

/** Name of a worker that becomes a thread. */
export const THREAD_NAME = "nijigen-thread";

/** @typedef {{compiled: WebAssembly.Module, memory: WebAssembly.Memory}} ThreadStart the message that starts it */

/** @param {MessageEvent<ThreadStart>} event */
async function run({ data: { compiled, memory } }) {
  try {
    await script.default({ module_or_path: compiled, memory });
  } catch (thrown) {
    self.postMessage(String(thrown));
    return;
  }
  self.postMessage("ready");
  // Never returns.
  script.run_thread();
}

if (self.name === THREAD_NAME) addEventListener("message", run, { once: true });
