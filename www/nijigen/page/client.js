/** The page's end of a worker: requests as promises. */

import { NijigenError, cancelled } from "../shared/errors.js";
import { PROTOCOL_VERSION } from "../shared/protocol.js";
import { wayOut } from "../shared/start_worker.js";

/** @typedef {import("../shared/protocol.js").ProgressKey} ProgressKey */

/**
 * @typedef {object} Pending
 * @property {(result: unknown) => void} resolve
 * @property {(error: NijigenError) => void} reject
 * @property {(key: ProgressKey, current: number, total: number) => void} onProgress
 */

/** @template {import("../shared/protocol.js").Requests} Asked what the worker answers */
export class Client {
  #worker;
  #nextId = 1;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  /** @type {NijigenError | undefined} why the worker is gone */
  #closed;
  #hasSpoken = false;

  /** @param {Worker} worker that speaks the protocol; the client's own from now on */
  constructor(worker) {
    this.#worker = worker;
    this.#worker.addEventListener("message", (event) => this.#receive(event.data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      const why = event.message ? ` (${event.message})` : "";
      const error = this.#hasSpoken
        ? new NijigenError("worker-crashed", `The worker stopped unexpectedly${why}.`)
        : new NijigenError(
            "load-failed",
            `The worker could not be started${why}.${wayOut()}`,
          );
      this.terminate(error);
    });
  }

  /** Whether the worker was stopped or has crashed. */
  get closed() {
    return this.#closed !== undefined;
  }

  /**
   * @template {keyof Asked & string} Type
   * @param {Type} type
   * @param {Asked[Type]["request"]} request
   * @param {object} [options]
   * @param {Transferable[]} [options.transfer]
   * @param {Pending["onProgress"]} [options.onProgress]
   * @param {AbortSignal} [options.signal] rejects with "cancelled"; a late answer is dropped
   * @param {number} [options.quietLimitMs] stops the worker as lost after so long without a word
   * @returns {Promise<Asked[Type]["result"]>}
   */
  request(type, request, { transfer = [], onProgress = () => {}, signal, quietLimitMs } = {}) {
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(cancelled());
    const id = this.#nextId++;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const listen = () => {
      if (quietLimitMs === undefined) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        const seconds = Math.round(quietLimitMs / 1000);
        this.terminate(
          new NijigenError("gpu-lost", `The GPU has not answered for ${seconds} seconds.`),
        );
      }, quietLimitMs);
    };
    const drop = () => {
      this.#pending.get(id)?.reject(cancelled());
      if (this.#pending.delete(id)) this.#cancel(id);
    };
    signal?.addEventListener("abort", drop, { once: true });
    /** @type {Promise<Asked[Type]["result"]>} */
    const answered = new Promise((resolve, reject) => {
      this.#pending.set(id, {
        // The worker answers by the same map.
        resolve: (result) => resolve(/** @type {Asked[Type]["result"]} */ (result)),
        reject,
        onProgress: (...progress) => {
          listen();
          onProgress(...progress);
        },
      });
      listen();
      this.#worker.postMessage({ v: PROTOCOL_VERSION, id, type, ...request }, transfer);
    });
    return answered.finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", drop);
    });
  }

  /** @param {number} request */
  #cancel(request) {
    /** @type {import("../shared/protocol.js").Cancel} */
    const cancel = { v: PROTOCOL_VERSION, type: "cancel", request };
    this.#worker.postMessage(cancel);
  }

  /**
   * Stops the worker at once, whatever it is doing; all open requests fail with `error`.
   * @param {NijigenError} error
   */
  terminate(error) {
    this.#worker.terminate();
    this.#closed ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** @param {import("../shared/protocol.js").Reply | null} reply */
  #receive(reply) {
    this.#hasSpoken = true;
    const pending = reply?.v === PROTOCOL_VERSION ? this.#pending.get(reply.id) : undefined;
    if (!reply || !pending) return;
    if (reply.type === "progress") {
      pending.onProgress(reply.key, reply.current, reply.total);
      return;
    }
    this.#pending.delete(reply.id);
    if (reply.type === "result") pending.resolve(reply.result);
    else pending.reject(new NijigenError(reply.code, reply.message));
  }
}
