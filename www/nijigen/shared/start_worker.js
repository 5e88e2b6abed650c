/**
 * Starts the package's workers, for pages of its own origin and of others: browsers refuse a worker
 * whose script is of another origin, but let a worker of one's own import it.
 */

import { NijigenError } from "./errors.js";

/** @typedef {"engine" | "faces" | "thread"} Role */

/**
 * @param {Role} role
 * @param {string} [workerUrl] a script of the page's own origin that imports `any_worker.js`
 * @returns {Worker}
 * @throws {NijigenError} with code "load-failed" if the browser refuses
 */
export function startWorker(role, workerUrl) {
  try {
    if (workerUrl) return new Worker(workerUrl, { type: "module", name: `nijigen-${role}` });
    if (new URL(import.meta.url).origin !== self.origin) return startImporting(role);
    // Spelt out, so that bundlers see the files.
    switch (role) {
      case "engine":
        return new Worker(new URL("../engine_worker/worker.js", import.meta.url), { type: "module" });
      case "faces":
        return new Worker(new URL("../face_worker/worker.js", import.meta.url), { type: "module" });
      case "thread":
        return new Worker(new URL("../engine_worker/thread.js", import.meta.url), { type: "module" });
    }
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError("load-failed", `A worker could not be started (${why}).`);
  }
}

/**
 * A worker whose script is made here. A strict content security policy forbids that: such hosts
 * give a `workerUrl`.
 * @param {Role} role
 */
function startImporting(role) {
  const script = `import ${JSON.stringify(new URL("../any_worker.js", import.meta.url).href)};`;
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module", name: `nijigen-${role}` });
  // Its script has been read when it first speaks, or has failed.
  const release = () => URL.revokeObjectURL(url);
  worker.addEventListener("message", release, { once: true });
  worker.addEventListener("error", release, { once: true });
  return worker;
}
