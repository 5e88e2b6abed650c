/** The package's own finder of faces. */

import { cancelled } from "../shared/errors.js";
import { startWorker } from "../shared/start_worker.js";
import { Client } from "./client.js";

/** BlazeFace and FaceMesh, in a worker of their own. Nothing is loaded before the first photo. */
export class FaceDetector {
  #facesUrl;
  #keep;
  #workerUrl;
  /** @type {Client<import("../shared/protocol.js").FaceRequests> | undefined} */
  #client;

  /**
   * @param {string} facesUrl folder of the detector, with a slash at its end
   * @param {boolean} keep whether its files may be kept in Cache storage
   * @param {string} [workerUrl] see {@link startWorker}
   */
  constructor(facesUrl, keep, workerUrl) {
    this.#facesUrl = facesUrl;
    this.#keep = keep;
    this.#workerUrl = workerUrl;
  }

  /**
   * @param {MessagePort} port through which an engine lends a photo
   * @param {AbortSignal} [signal]
   * @returns {Promise<import("../shared/protocol.js").Face[]>} in the lent pixels, best first, at most 30
   * @throws {import("../shared/errors.js").NijigenError}
   */
  detect(port, signal) {
    // A worker that died is replaced.
    if (!this.#client || this.#client.closed) {
      this.#client = new Client(startWorker("faces", this.#workerUrl));
    }
    const request = { port, facesUrl: this.#facesUrl, keep: this.#keep };
    return this.#client.request("detect", request, { transfer: [port], signal });
  }

  /** Frees the detector; what is under way fails with "cancelled". */
  dispose() {
    this.#client?.terminate(cancelled());
    this.#client = undefined;
  }
}
