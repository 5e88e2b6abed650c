/** The package's own finder of faces. */

import { cancelled } from "../shared/errors.js";
import { startWorker } from "../shared/start_worker.js";
import { Client } from "./client.js";

/** BlazeFace and FaceMesh, in a worker of their own. Nothing is loaded before the first photo. */
export class FaceDetector {
  #files;
  /** What it lists, once it is known: later photos need no network. @type {Record<string, import("../shared/assets.js").Asset> | undefined} */
  #listed;
  #keep;
  #scripts;
  /** @type {Client<import("../shared/protocol.js").FaceRequests> | undefined} */
  #client;

  /**
   * @param {import("./package_files.js").PackageFiles["faces"]} files
   * @param {boolean} keep whether they may be kept in Cache storage
   * @param {import("../shared/start_worker.js").Scripts} scripts
   */
  constructor(files, keep, scripts) {
    this.#files = files;
    this.#keep = keep;
    this.#scripts = scripts;
  }

  /**
   * @param {MessagePort} port through which an engine lends a photo
   * @param {AbortSignal} [signal]
   * @returns {Promise<import("../shared/protocol.js").Face[]>} in the lent pixels, best first, at most 30
   * @throws {import("../shared/errors.js").NijigenError}
   */
  async detect(port, signal) {
    this.#listed ??= await this.#files(signal);
    // A worker that died is replaced.
    if (!this.#client || this.#client.closed) {
      const start = () => new Worker(new URL("../face_worker/worker.js", import.meta.url), { type: "module" });
      this.#client = new Client(startWorker("faces", this.#scripts, start));
    }
    const request = { port, files: this.#listed, keep: this.#keep };
    return this.#client.request("detect", request, { transfer: [port], signal });
  }

  /** Frees the detector; what is under way fails with "cancelled". */
  dispose() {
    this.#client?.terminate(cancelled());
    this.#client = undefined;
  }
}
