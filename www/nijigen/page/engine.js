/** The life of an engine: it starts in a worker, the CPU takes over where a GPU fails, and it is stopped. */

import { NijigenError, cancelled, isEngineError } from "../shared/errors.js";
import { startWorker } from "../shared/start_worker.js";
import { untilAborted } from "./abort.js";
import { Client } from "./client.js";
import { nearest, suitable } from "./variants.js";

/** A GPU that has said nothing for so long in the middle of a photo is taken for lost. */
const GPU_QUIET_LIMIT_MS = 60_000;
/** At the start, all its shaders are compiled without a word. */
const GPU_START_QUIET_LIMIT_MS = 120_000;

/** @typedef {import("../shared/protocol.js").EngineRequests} EngineRequests */
/** @typedef {import("../shared/protocol.js").PhotoHandle} PhotoHandle */
/** @typedef {import("./open_photo.js").OpenPhoto} OpenPhoto */
/** @typedef {import("./variants.js").Network} Network */

/**
 * @typedef {import("./styles.js").Networks & Pick<import("./package_files.js").PackageFiles, "scripts">
 *   & {modules: import("../shared/protocol.js").StartRequest["modules"]}} EngineFiles
 */

/** An engine in a worker of its own, started when it is needed. */
export class Engine {
  #files;
  #options;
  /** What is started next. @type {import("./options.js").Device} */
  #device;
  /** @type {Client<EngineRequests> | undefined} */
  #client;
  /** @type {Promise<void> | undefined} */
  #starting;
  /** @type {"cpu" | "gpu"} */
  #kind = "cpu";
  /** In use. @type {Network | undefined} */
  #network;
  /** @type {Record<string, unknown>} */
  #header = {};
  /** @type {NijigenError | undefined} */
  #fellBack;
  #isDisposed = false;
  /** The photo whose pixels the worker holds. @type {{photo: OpenPhoto, handle: PhotoHandle} | undefined} */
  #opened;
  #lastPhotoId = 0;

  /**
   * @param {EngineFiles} files
   * @param {import("./options.js").EngineOptions} options
   */
  constructor(files, options) {
    this.#files = files;
    this.#options = options;
    this.#device = options.device;
  }

  /** The engine in use. @returns {"cpu" | "webgpu"} */
  get name() {
    return this.#kind === "gpu" ? "webgpu" : "cpu";
  }

  /** Why another engine than the one asked for is used, if so. */
  get fellBack() {
    return this.#fellBack;
  }

  /** Of the network in use, as far as the manifest tells. @returns {import("./variants.js").Variant | undefined} */
  get variant() {
    return this.#network?.variant;
  }

  /** Time that a face takes by the time of as many pixels of a picture, as far as the manifest tells; else 1. */
  get faceTime() {
    return (this.#files.portrait?.ms ?? NaN) / (this.#network?.ms ?? NaN) || 1;
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
    if (this.#client?.closed) this.#stop(cancelled());
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
    const { variant, threads, precision, allowFallbackAdapter, cache, workerUrl, onProgress } = this.#options;
    const { networks, portrait, modules, scripts } = this.#files;
    const worker = startWorker(
      "engine",
      { workerUrl, folder: scripts },
      () => new Worker(new URL("../engine_worker/worker.js", import.meta.url), { type: "module" }),
    );
    /** @type {Client<EngineRequests>} */
    const client = new Client(worker);
    this.#client = client;
    this.#kind = kind;
    try {
      const wanted = variant === "auto" ? await suitable(kind) : variant;
      const network = nearest(networks, wanted);
      const tiny = nearest(networks, "tiny");
      const mayBeSlow = variant === "auto" && kind === "cpu" && tiny !== network;
      const request = {
        engine: kind,
        modules,
        threads,
        precision,
        style: network,
        ...(mayBeSlow ? { lighter: tiny } : {}),
        ...(portrait ? { portrait } : {}),
        allowFallbackAdapter,
        keep: cache,
        workerUrl,
      };
      const started = await client.request("start", request, {
        onProgress: (key, current, total) => {
          if (key !== "stylize") onProgress(key, current, total);
        },
        quietLimitMs: kind === "gpu" ? GPU_START_QUIET_LIMIT_MS : undefined,
      });
      this.#header = started.header;
      this.#network = started.isLighter ? tiny : network;
    } catch (error) {
      client.terminate(cancelled());
      if (this.#client === client) this.#client = undefined;
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
    return /** @type {Client<EngineRequests>} */ (this.#client).request(type, request);
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
    return this.#withPhoto(photo, signal, (client, { photo: id }, { quietLimitMs, ...options }) =>
      client.request("stylize", { ...request, photo: id }, {
        ...options,
        // Before the first face, the portrait network is started.
        quietLimitMs: quietLimitMs && request.faces ? GPU_START_QUIET_LIMIT_MS : quietLimitMs,
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
    const { handle } = this.#opened;
    this.#opened = undefined;
    if (this.#client) closePhoto(this.#client, handle.photo);
  }

  /** Frees the engine; what is under way fails with "cancelled". */
  dispose() {
    this.#isDisposed = true;
    this.#stop(cancelled());
  }

  /**
   * Does something with an open photo. If a GPU fails, the CPU opens the photo and does it.
   * @template T
   * @param {OpenPhoto} photo one at a time
   * @param {AbortSignal | undefined} signal
   * @param {(client: Client<EngineRequests>, handle: PhotoHandle, options: {signal?: AbortSignal, quietLimitMs?: number})
   *   => Promise<T>} task with the options of its requests
   * @returns {Promise<T>}
   */
  async #withPhoto(photo, signal, task) {
    const attempt = async () => {
      // An engine that is starting goes on when the photo is cancelled: the next one needs it.
      await untilAborted(this.ready(), signal);
      const client = /** @type {Client<EngineRequests>} */ (this.#client);
      const options = { signal, quietLimitMs: this.#kind === "gpu" ? GPU_QUIET_LIMIT_MS : undefined };
      return task(client, await this.#openIn(client, photo, options), options);
    };
    try {
      return await attempt();
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const wasGpu = this.#kind === "gpu";
      // Whatever state the engine is in, the next photo gets a fresh one.
      this.#stop(error);
      if (!wasGpu) throw error;
      this.#fellBack = error;
      this.#device = "cpu";
      return attempt();
    }
  }

  /**
   * @param {Client<EngineRequests>} client
   * @param {OpenPhoto} photo
   * @param {{signal?: AbortSignal, quietLimitMs?: number}} options
   * @returns {Promise<PhotoHandle>}
   */
  async #openIn(client, photo, options) {
    if (this.#opened?.photo === photo) return this.#opened.handle;
    if (this.#opened) this.release(this.#opened.photo);
    const content = await photo.content;
    const id = ++this.#lastPhotoId;
    try {
      // Pixels are copied, not transferred: they are the caller's, and a lost GPU needs them again.
      const handle = await client.request("open", { photo: id, content }, options);
      this.#opened = { photo, handle };
      return handle;
    } catch (error) {
      // One that was given up may be opened all the same.
      closePhoto(client, id);
      throw error;
    }
  }

  /** @param {NijigenError} error */
  #stop(error) {
    this.#client?.terminate(error);
    this.#client = undefined;
    this.#starting = undefined;
    this.#opened = undefined;
  }
}

/** @param {Client<EngineRequests>} client @param {number} photo */
function closePhoto(client, photo) {
  // A worker that is gone holds nothing.
  client.request("close", { photo }).catch(() => {});
}
