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

/** Messages that came before the worker's own script listened. @type {unknown[]} */
const early = [];
/** @param {MessageEvent} event */
const hold = ({ data }) => early.push(data);
addEventListener("message", hold);
const load = ROLES[self.name];
if (!load) throw new Error(`any_worker.js was started as "${self.name}", expected one of ${Object.keys(ROLES)}`);
await load();
removeEventListener("message", hold);
for (const data of early) dispatchEvent(new MessageEvent("message", { data }));

export {};
