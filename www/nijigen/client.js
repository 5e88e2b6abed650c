/** The page's end of the worker: requests as promises. */

import { NijigenError } from "./errors.js";
import { PROTOCOL_VERSION } from "./protocol.js";

/**
 * @typedef {object} Pending
 * @property {(result: any) => void} resolve
 * @property {(error: NijigenError) => void} reject
 * @property {(key: "load" | "stylize", current: number, total: number) => void} onProgress
 */

export class Client {
  #worker;
  #nextId = 1;
  /** @type {Map<number, Pending>} */
  #pending = new Map();

  constructor() {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", (event) => this.#receive(event.data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      const why = event.message ? ` (${event.message})` : "";
      this.terminate(new NijigenError("worker-crashed", `The worker stopped unexpectedly${why}.`));
    });
  }

  /**
   * @param {import("./protocol.js").Request} request
   * @param {object} [options]
   * @param {Transferable[]} [options.transfer]
   * @param {Pending["onProgress"]} [options.onProgress]
   * @returns {Promise<any>}
   */
  request(request, { transfer = [], onProgress = () => {} } = {}) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress });
      this.#worker.postMessage({ v: PROTOCOL_VERSION, id, ...request }, transfer);
    });
  }

  /**
   * Stops the worker at once, whatever it is doing; all open requests fail with `error`.
   * @param {NijigenError} error
   */
  terminate(error) {
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** @param {import("./protocol.js").Reply} reply */
  #receive(reply) {
    const pending = this.#pending.get(reply.id);
    if (!pending || reply.v !== PROTOCOL_VERSION) return;
    if (reply.type === "progress") {
      pending.onProgress(reply.key, reply.current, reply.total);
      return;
    }
    this.#pending.delete(reply.id);
    if (reply.type === "result") pending.resolve(reply.result);
    else pending.reject(new NijigenError(reply.code, reply.message));
  }
}
