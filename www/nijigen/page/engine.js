/** The life of an engine: it starts in a worker, the CPU takes over where a GPU fails, and it is stopped. */

import { NijigenError, cancelled, isEngineError } from "../shared/errors.js";
import { untilAborted } from "./abort.js";
import { RunningEngine } from "./running_engine.js";

/** A CPU that stands in for a GPU is let go after so long without a photo. */
const STAND_IN_IDLE_MS = 30_000;

/** @typedef {import("../shared/protocol.js").EngineRequests} EngineRequests */
/** @typedef {import("../shared/protocol.js").PhotoHandle} PhotoHandle */
/** @typedef {import("./client.js").Client<EngineRequests>} Client */
/** @typedef {import("./open_photo.js").OpenPhoto} OpenPhoto */

/** An engine in a worker of its own, started when it is needed. */
export class Engine {
  #files;
  #options;
  /** What is started next. @type {import("./options.js").Device} */
  #device;
  /** @type {RunningEngine | undefined} */
  #main;
  /** Draws on the CPU what is too large for the GPU. @type {RunningEngine | undefined} */
  #standIn;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #standInTimer;
  /** The one that is drawing, or has drawn last. @type {RunningEngine | undefined} */
  #drawing;
  /** @type {Promise<void> | undefined} */
  #starting;
  /** @type {Record<string, unknown>} */
  #header = {};
  /** Why no GPU is used any more. @type {NijigenError | undefined} */
  #fellBack;
  /** Why the last photo was too large for the GPU. @type {NijigenError | undefined} */
  #refused;
  #isDisposed = false;
  /** The photo whose pixels a worker holds. @type {{photo: OpenPhoto, handle: PhotoHandle, client: Client} | undefined} */
  #opened;
  #lastPhotoId = 0;

  /**
   * @param {import("./running_engine.js").EngineFiles} files
   * @param {import("./options.js").EngineOptions} options
   */
  constructor(files, options) {
    this.#files = files;
    this.#options = options;
    this.#device = options.device;
  }

  /** The engine in use. @returns {"cpu" | "webgpu"} */
  get name() {
    return (this.#drawing ?? this.#main)?.kind === "gpu" ? "webgpu" : "cpu";
  }

  /** Why another engine than the one asked for is used, if so. */
  get fellBack() {
    return this.#fellBack ?? this.#refused;
  }

  /** Of the network in use, as far as the manifest tells. @returns {import("./variants.js").Variant | undefined} */
  get variant() {
    return (this.#drawing ?? this.#main)?.network?.variant;
  }

  /** Time that a face takes by the time of as many pixels of a picture, as far as the manifest tells; else 1. */
  get faceTime() {
    return (this.#files.portrait?.ms ?? NaN) / (this.#main?.network?.ms ?? NaN) || 1;
  }

  /** The style file's header. */
  get header() {
    return this.#header;
  }

  get isDisposed() {
    return this.#isDisposed;
  }

  /** Starts an engine unless one runs; a failed start can be tried again. @returns {Promise<void>} */
  ready() {
    if (this.#isDisposed) {
      return Promise.reject(new NijigenError("cancelled", "This stylizer was disposed of."));
    }
    // A worker that died while idle is replaced.
    if (this.#main?.client.closed) this.#stop(cancelled());
    this.#starting ??= this.#start().catch((error) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #start() {
    if (this.#device !== "cpu") {
      try {
        return await this.#startKind("gpu");
      } catch (error) {
        if (this.#device === "webgpu" || !isEngineError(error)) throw error;
        this.#fellBack = error;
      }
    }
    return this.#startKind("cpu");
  }

  /** @param {"cpu" | "gpu"} kind */
  async #startKind(kind) {
    const main = new RunningEngine(kind, this.#files, this.#options);
    this.#main = main;
    try {
      await main.ready;
      this.#header = main.header;
    } catch (error) {
      if (this.#main === main) this.#main = undefined;
      throw error;
    }
  }

  /**
   * Asks what is about no photo.
   * @template {"selfcheck" | "estimate"} Type
   * @param {Type} type
   * @param {EngineRequests[Type]["request"]} request
   * @returns {Promise<EngineRequests[Type]["result"]>}
   */
  async ask(type, request) {
    await this.ready();
    return /** @type {RunningEngine} */ (this.#main).client.request(type, request);
  }

  /**
   * Opens a photo, unless it is open.
   * @param {OpenPhoto} photo
   * @param {AbortSignal} [signal]
   * @returns {Promise<PhotoHandle>}
   */
  open(photo, signal) {
    return this.#withPhoto(photo, signal, async (_client, handle) => handle);
  }

  /**
   * A copy of a photo's pixels.
   * @param {OpenPhoto} photo
   * @param {AbortSignal} [signal]
   * @returns {Promise<import("../shared/protocol.js").Pixels>}
   */
  copy(photo, signal) {
    return this.#withPhoto(photo, signal, (client, { photo: id }, options) => client.request("copy", { photo: id }, options));
  }

  /**
   * Lends a photo's pixels. If the borrower fails, they may be lost: {@link release} the photo then.
   * @param {OpenPhoto} photo
   * @param {AbortSignal} [signal]
   * @returns {Promise<MessagePort>} for a worker: the pixels wait there, and are to come back by it
   */
  lend(photo, signal) {
    return this.#withPhoto(photo, signal, async (client, { photo: id }, options) => {
      const { port1, port2: port } = new MessageChannel();
      await client.request("lend", { photo: id, port }, { ...options, transfer: [port] });
      return port1;
    });
  }

  /**
   * @param {OpenPhoto} photo
   * @param {Omit<import("../shared/protocol.js").StylizeRequest, "photo">} request
   * @param {(share: number) => void} onProgress
   * @param {AbortSignal} [signal]
   * @returns {Promise<import("../shared/protocol.js").Stylized>}
   */
  stylize(photo, request, onProgress, signal) {
    return this.#withPhoto(photo, signal, (client, { photo: id }, options, running) =>
      client.request("stylize", { ...request, photo: id }, {
        ...options,
        // Before the first face, the portrait network is started.
        quietLimitMs: running.quietLimitMs(Boolean(request.faces)),
        onProgress: (key, current, total) => {
          if (key === "stylize") onProgress(current / total);
          else this.#options.onProgress(key, current, total);
        },
      }),
    );
  }

  /**
   * Gives a photo's pixels back, if the worker holds them.
   * @param {OpenPhoto} photo
   */
  release(photo) {
    if (this.#opened?.photo !== photo) return;
    const { handle, client } = this.#opened;
    this.#opened = undefined;
    closePhoto(client, handle.photo);
  }

  /** Frees the engine; what is under way fails with "cancelled". */
  dispose() {
    this.#isDisposed = true;
    this.#stop(cancelled());
  }

  /**
   * Does something with an open photo. If a GPU fails, the CPU opens the photo and does it; from then on, unless the
   * photo was only too large.
   * @template T
   * @param {OpenPhoto} photo one at a time
   * @param {AbortSignal | undefined} signal
   * @param {(client: Client, handle: PhotoHandle, options: {signal?: AbortSignal, quietLimitMs?: number},
   *   running: RunningEngine) => Promise<T>} task with the options of its requests
   * @returns {Promise<T>}
   */
  async #withPhoto(photo, signal, task) {
    /** @param {RunningEngine} running */
    const attempt = async (running) => {
      this.#drawing = running;
      const options = { signal, quietLimitMs: running.quietLimitMs() };
      return task(running.client, await this.#openIn(running.client, photo, options), options, running);
    };
    const attemptOnMain = async () => {
      // An engine that is starting goes on when the photo is cancelled: the next one needs it.
      await untilAborted(this.ready(), signal);
      this.#refused = undefined;
      return attempt(/** @type {RunningEngine} */ (this.#main));
    };
    try {
      return await attemptOnMain();
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const wasGpu = this.#main?.kind === "gpu";
      if (wasGpu && error.code === "gpu-capacity") {
        this.#refused = error;
        return this.#withStandIn(signal, attempt);
      }
      // Whatever state the engine is in, the next photo gets a fresh one.
      this.#stop(error);
      if (!wasGpu) throw error;
      this.#fellBack = error;
      this.#device = "cpu";
      return attemptOnMain();
    }
  }

  /**
   * Does something on the CPU beside a GPU, which waits for the next photo.
   * @template T
   * @param {AbortSignal | undefined} signal
   * @param {(running: RunningEngine) => Promise<T>} attempt
   * @returns {Promise<T>}
   */
  async #withStandIn(signal, attempt) {
    clearTimeout(this.#standInTimer);
    if (this.#standIn?.client.closed) this.#standIn = undefined;
    const standIn = (this.#standIn ??= new RunningEngine("cpu", this.#files, this.#options));
    try {
      await untilAborted(standIn.ready, signal);
      return await attempt(standIn);
    } catch (error) {
      if (isEngineError(error)) this.#stopStandIn(error);
      throw error;
    } finally {
      // A large photo is rarely the only one, but its memory is large, too.
      this.#standInTimer = setTimeout(() => this.#stopStandIn(cancelled()), STAND_IN_IDLE_MS);
    }
  }

  /**
   * @param {Client} client
   * @param {OpenPhoto} photo
   * @param {{signal?: AbortSignal, quietLimitMs?: number}} options
   * @returns {Promise<PhotoHandle>}
   */
  async #openIn(client, photo, options) {
    if (this.#opened?.photo === photo && this.#opened.client === client) return this.#opened.handle;
    if (this.#opened) this.release(this.#opened.photo);
    const content = await photo.content;
    const id = ++this.#lastPhotoId;
    try {
      // Pixels are copied, not transferred: they are the caller's, and a lost GPU needs them again.
      const handle = await client.request("open", { photo: id, content }, options);
      this.#opened = { photo, handle, client };
      return handle;
    } catch (error) {
      // One that was given up may be opened all the same.
      closePhoto(client, id);
      throw error;
    }
  }

  /** @param {NijigenError} error */
  #stop(error) {
    this.#stopStandIn(error);
    this.#main?.client.terminate(error);
    this.#main = this.#starting = this.#opened = this.#drawing = undefined;
  }

  /** @param {NijigenError} error */
  #stopStandIn(error) {
    clearTimeout(this.#standInTimer);
    const standIn = this.#standIn;
    if (!standIn) return;
    standIn.client.terminate(error);
    this.#standIn = undefined;
    if (this.#opened?.client === standIn.client) this.#opened = undefined;
  }
}

/** @param {Client} client @param {number} photo */
function closePhoto(client, photo) {
  // A worker that is gone holds nothing.
  client.request("close", { photo }).catch(() => {});
}
