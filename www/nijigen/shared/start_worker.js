/**
 * Starts the package's workers. Bundlers find a worker's script by the words `new Worker(new URL("…", import.meta.url))`,
 * which therefore stand where one is wanted; this is for all the other places that a script can be in.
 */

import { NijigenError } from "./errors.js";
import { scriptUrl } from "./trusted_types.js";

/** Scripts of the workers in the folder `nijigen/`. */
const SCRIPTS = {
  engine: "engine_worker/worker.js",
  faces: "face_worker/worker.js",
  thread: "engine_worker/thread.js",
};

/**
 * Where workers' scripts are.
 * @typedef {object} Scripts
 * @property {string} [workerUrl] a script of the page's own origin that imports `any_worker.js`
 * @property {string} [folder] `nijigen/` with plain files; nothing if the scripts are where a bundler has put them
 */

/**
 * @param {keyof typeof SCRIPTS} role
 * @param {Scripts} scripts
 * @param {() => Worker} bundled starts the script that a bundler has found
 * @returns {Worker}
 * @throws {NijigenError} with code "load-failed" if the browser refuses
 */
export function startWorker(role, { workerUrl, folder }, bundled) {
  const name = `nijigen-${role}`;
  try {
    if (workerUrl) return new Worker(scriptUrl(workerUrl), { type: "module", name });
    if (!folder) return bundled();
    const script = new URL(SCRIPTS[role], folder);
    if (script.origin !== self.origin) return startImporting(script, name);
    return new Worker(scriptUrl(script.href), { type: "module", name });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError("load-failed", `A worker could not be started (${why}).${wayOut()}`);
  }
}

/**
 * Browsers refuse a worker whose script is of another origin, but let one that is made here import it. A strict content
 * security policy forbids that: such hosts give a `workerUrl`. It is no module, which Chromium refuses to frames without an
 * origin, and keeps the messages that come before the script listens.
 * @param {URL} script
 * @param {string} name
 */
function startImporting(script, name) {
  const source = `const early = [];
    const hold = ({ data }) => early.push(data);
    addEventListener("message", hold);
    import(${JSON.stringify(script.href)}).then(() => {
      removeEventListener("message", hold);
      for (const data of early) dispatchEvent(new MessageEvent("message", { data }));
    }, reportError);`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(scriptUrl(url), { name });
  // Its script has been read when it first speaks, or has failed.
  const release = () => URL.revokeObjectURL(url);
  worker.addEventListener("message", release, { once: true });
  worker.addEventListener("error", release, { once: true });
  return worker;
}

/** @returns {string} what a host can do where no worker starts: a sentence with a space before it */
export function wayOut() {
  if (self.origin === "null") {
    return (
      " This frame is sandboxed, so that no script is of its own origin: its sandbox needs allow-same-origin, or its " +
      "content security policy worker-src blob:, and the package's host must send Access-Control-Allow-Origin: *."
    );
  }
  return (
    " A page with a content security policy and of another origin than this package needs the option workerUrl; one " +
    "that requires trusted types, trusted-types nijigen in its policy."
  );
}
