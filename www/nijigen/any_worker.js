/**
 * Becomes the worker that its name says. A page of another origin than this package's serves a file
 * of one line, `import "https://…/nijigen/any_worker.js";`, and names it as `workerUrl`.
 */

/** @type {Record<string, () => Promise<unknown>>} */
const ROLES = {
  "nijigen-engine": () => import("./engine_worker/worker.js"),
  "nijigen-faces": () => import("./face_worker/worker.js"),
  "nijigen-thread": () => import("./engine_worker/thread.js"),
};

/** @param {string} name of the worker */
async function become(name) {
  /** Messages that came before the worker's own script listened. @type {unknown[]} */
  const early = [];
  /** @param {MessageEvent} event */
  const hold = ({ data }) => early.push(data);
  addEventListener("message", hold);
  try {
    const load = ROLES[name];
    if (!load) throw new Error(`any_worker.js was started as "${name}", expected one of ${Object.keys(ROLES)}`);
    await load();
  } catch (thrown) {
    // Who has started the worker hears of errors, not of rejections.
    reportError(thrown);
    return;
  }
  removeEventListener("message", hold);
  for (const data of early) dispatchEvent(new MessageEvent("message", { data }));
}

// A server that imports all there is has no worker.
if ("WorkerGlobalScope" in globalThis) void become(self.name);

export {};
