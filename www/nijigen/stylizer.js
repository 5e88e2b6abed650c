/** A style on an engine. */

import { untilAborted } from "./abort.js";
import { Client } from "./client.js";
import { NijigenError, cancelled, isEngineError } from "./errors.js";
import { FaceDetector, POINTS, checkFaces, scaleFaces } from "./faces.js";
import { MAX_COPIED_PIXELS, readPhoto } from "./photo.js";
import { Queue } from "./queue.js";
import { startWorker } from "./start_worker.js";
import { documentUrl } from "./styles.js";
import { nearest, suitable } from "./variants.js";

/** A GPU that has said nothing for so long in the middle of a photo is taken for lost. */
const GPU_QUIET_LIMIT_MS = 60_000;
/** At the start, all its shaders are compiled without a word. */
const GPU_START_QUIET_LIMIT_MS = 120_000;

/** @typedef {"auto" | "webgpu" | "cpu"} Device */
/** @typedef {import("./faces.js").Face} Face */
/** @typedef {import("./faces.js").FaceProvider} FaceProvider */
/** @typedef {import("./photo.js").Source} Source */
/** @typedef {import("./protocol.js").Pixels} Pixels */
/** @typedef {import("./variants.js").Network} Network */
/** @typedef {import("./variants.js").Variant} Variant */

/**
 * @typedef {object} StylizerOptions
 * @property {string | {url: string, sha256?: string}} [style] a family in the manifest (default: the
 *   first), the name of one network of it, or a style file elsewhere
 * @property {"auto" | Variant} [variant] which network of a family; default "auto": the one that suits the engine
 *   and, on a CPU, its speed, chosen again after a fallback. Without the wanted one, what comes nearest
 * @property {Device} [device] default "auto": WebGPU where it is real and right, else the CPU
 * @property {string | URL} [assets] folder that holds `nijigen/` and `styles/`; default: the
 *   folder this package is in
 * @property {number} [threads] of the CPU engine, default: as many as the device has, at most 8;
 *   more than one only where the page is cross-origin isolated
 * @property {"auto" | "f32" | "int8"} [precision] of the CPU engine's products; default "auto":
 *   8-bit integers where a quick measurement finds them faster, which changes a picture by a few
 *   levels of 255 at most places where it does at all
 * @property {boolean} [cache] keep engine and style in the browser's Cache storage; default: unless a
 *   service worker controls the page, which keeps what it wants to
 * @property {string | URL} [workerUrl] for a strict page of another origin than this package: a script
 *   of its own that imports `nijigen/any_worker.js`
 * @property {boolean} [allowFallbackAdapter] accept a WebGPU device emulated in software
 * @property {(key: "engine" | "style", current: number, total: number) => void} [onProgress] bytes
 *   loaded; a total of 0 is an unknown one
 * @property {AbortSignal} [signal] gives up starting
 */

/**
 * @typedef {object} StylizeOptions
 * @property {number} [size] limit of the picture's longer side in pixels, default 1024; photos are
 *   never enlarged
 * @property {number} [strength] share of the picture in a mixture with the photo, from 0 to 1 (default)
 * @property {"blob" | "imagedata"} [output] a file (default) or pixels
 * @property {"png" | "jpeg" | "webp"} [format] of the file, default "png"; a browser that cannot write
 *   it writes a PNG, see the blob's `type`. JPEG has no transparency: white takes its place.
 * @property {number} [quality] of a JPEG or WebP file, 0 to 1, default 0.92
 * @property {(share: number) => void} [onProgress] share of the work that is done, from 0 (the
 *   photo is read) to 1; a GPU reports nothing between
 * @property {"off" | "faces" | "both"} [faces] "off" (default): the photo as a whole; "both": each face
 *   is also drawn by itself, upright and at a size at which the style knows faces, and put back into
 *   the whole; "faces": the portrait of the largest face, 512 pixels a side
 * @property {Face[]} [landmarks] faces that are known already, at most 100; nothing is searched for
 *   then
 * @property {FaceProvider} [faceProvider] finds the faces; default: a detector that is loaded from
 *   `nijigen/faces/` at first use
 * @property {boolean} [sideBySide] the photo at the picture's left
 * @property {AbortSignal} [signal]
 */

/**
 * @typedef {Face & {outcome: "done" | "unused" | "too_small" | "turned_away" | "invalid"}} DrawnFace
 *   "unused" is a face that is not the largest of a portrait's photo
 */

/**
 * @typedef {object} Picture
 * @property {Blob} [blob] with output "blob"
 * @property {ImageData} [imageData] with output "imagedata"
 * @property {number} width
 * @property {number} height
 * @property {"cpu" | "webgpu"} engine that made it
 * @property {Variant} [variant] of the network that made it, as far as the manifest tells
 * @property {number} elapsedMs from the call's turn to the finished picture, but for `detectMs`
 * @property {number} [detectMs] that finding the faces took, if they were searched for
 * @property {DrawnFace[]} [faces] with faces: those that were given or found, and what became of them
 * @property {string} [facesFailed] why faces could not be searched for; the picture has none then
 * @property {string} [fellBack] why another engine than the one asked for was used
 * @property {import("./errors.js").ErrorCode} [fellBackCode] the same as a code
 */

/**
 * @typedef {object} Estimate
 * @property {number} ms
 * @property {number} [bytes] of memory at most; undefined on a GPU, whose memory nobody sees
 */

/** Side of a portrait. */
const PORTRAIT_SIDE_PX = 512;

/** A style on an engine; {@link import("./index.js").createStylizer} makes it. Photos are converted one after the other. */
export class Stylizer {
  /** @type {Device} */
  #device;
  #assets;
  #networks;
  #variant;
  /** In use. @type {Network | undefined} */
  #network;
  #threads;
  #precision;
  #allowFallbackAdapter;
  #cache;
  /** @type {string | undefined} */
  #workerUrl;
  #onProgress;
  #faceDetector;
  /** @type {Client | undefined} */
  #client;
  /** @type {Promise<void> | undefined} */
  #starting;
  /** @type {"cpu" | "gpu"} */
  #engine = "cpu";
  /** @type {NijigenError | undefined} */
  #fellBack;
  #disposed = false;
  /** The photo being converted, and those that wait. */
  #queue = Promise.resolve();
  /** @type {Record<string, unknown>} */
  #header = {};

  /**
   * @param {Device} device
   * @param {URL} assets
   * @param {Network[]} networks of the style, at least one
   * @param {StylizerOptions} options
   */
  constructor(device, assets, networks, options) {
    this.#device = device;
    this.#assets = assets;
    this.#networks = networks;
    this.#variant = options.variant ?? "auto";
    this.#threads = options.threads;
    this.#precision = options.precision ?? "auto";
    this.#allowFallbackAdapter = options.allowFallbackAdapter ?? false;
    this.#onProgress = options.onProgress ?? (() => {});
    this.#cache = options.cache ?? keepsFiles();
    this.#workerUrl = options.workerUrl && new URL(options.workerUrl, documentUrl()).href;
    this.#faceDetector = new FaceDetector(new URL("nijigen/faces/", assets).href, this.#cache, this.#workerUrl);
  }

  /** The engine in use. @returns {"cpu" | "webgpu"} */
  get engine() {
    return this.#engine === "gpu" ? "webgpu" : "cpu";
  }

  /** Why another engine than the one asked for is used, if so. */
  get fellBack() {
    return this.#fellBack?.message;
  }

  /** Of the network in use, as far as the manifest tells. @returns {Variant | undefined} */
  get variant() {
    return this.#network?.variant;
  }

  /** The style file's header: name, provenance, licence and more. */
  get style() {
    return this.#header;
  }

  /** Starts an engine unless one runs; a failed start can be tried again. @returns {Promise<void>} */
  ready() {
    if (this.#disposed) {
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
        return await this.#startEngine("gpu");
      } catch (error) {
        if (this.#device === "webgpu" || !isEngineError(error)) throw error;
        this.#fellBack = error;
      }
    }
    return this.#startEngine("cpu");
  }

  /** @param {"cpu" | "gpu"} engine */
  async #startEngine(engine) {
    const client = new Client(startWorker("engine", this.#workerUrl));
    this.#client = client;
    this.#engine = engine;
    try {
      const wanted = this.#variant === "auto" ? await suitable(engine) : this.#variant;
      const network = nearest(this.#networks, wanted);
      const tiny = nearest(this.#networks, "tiny");
      const mayBeSlow = this.#variant === "auto" && engine === "cpu" && tiny !== network;
      const started = await client.request(
        {
          type: "start",
          engine,
          modulesUrl: new URL("nijigen/wasm/", this.#assets).href,
          threads: this.#threads,
          precision: this.#precision,
          style: network,
          ...(mayBeSlow ? { lighter: tiny } : {}),
          allowFallbackAdapter: this.#allowFallbackAdapter,
          keep: this.#cache,
          workerUrl: this.#workerUrl,
        },
        {
          onProgress: (key, current, total) => {
            if (key !== "stylize") this.#onProgress(key, current, total);
          },
          quietLimitMs: engine === "gpu" ? GPU_START_QUIET_LIMIT_MS : undefined,
        },
      );
      this.#header = started.header;
      this.#network = started.isLighter ? tiny : network;
    } catch (error) {
      client.terminate(cancelled());
      if (this.#client === client) this.#client = undefined;
      throw error;
    }
  }

  /**
   * Converts a photo. Photos given while one is converted wait for their turn.
   * @param {Source} source
   * @param {StylizeOptions} [options]
   * @returns {Promise<Picture>}
   * @throws {NijigenError} with code "cancelled" if the signal is aborted, and "no-face" if only faces
   *   are wanted and there is none that can be drawn
   */
  stylize(source, options = {}) {
    return this.#inTurn(source, options.signal, (photo) => this.#convert(photo, options));
  }

  /**
   * Finds the faces in a photo, for `landmarks` of {@link stylize}.
   * @param {Source} source
   * @param {{signal?: AbortSignal, faceProvider?: FaceProvider}} [options]
   * @returns {Promise<Face[]>} in pixels of the upright photo; empty if there are none
   * @throws {NijigenError} with code "cancelled" if the signal is aborted
   */
  detectFaces(source, { signal, faceProvider = this.#faceDetector } = {}) {
    return this.#inTurn(source, signal, (photo) => this.#detect(photo, faceProvider, signal));
  }

  /**
   * The photo is read at once, so that it is what it was when it was given.
   * @template T
   * @param {Source} source
   * @param {AbortSignal | undefined} signal
   * @param {(photo: Blob | Pixels) => Promise<T>} task
   * @returns {Promise<T>}
   */
  #inTurn(source, signal, task) {
    const reading = readPhoto(source, signal);
    // Told when it is its turn.
    reading.catch(() => {});
    const turn = this.#queue.then(async () => {
      if (signal?.aborted || this.#disposed) throw cancelled();
      return task(await reading);
    });
    // A photo that fails does not stop the next.
    this.#queue = turn.then(
      () => {},
      () => {},
    );
    return untilAborted(turn, signal);
  }

  /**
   * @param {Blob | Pixels} photo
   * @param {StylizeOptions} options
   * @returns {Promise<Picture>}
   */
  async #convert(photo, options) {
    checkStylizeOptions(options);
    const { faces: mode = "off", signal } = options;
    const startedAt = performance.now();
    const found = mode === "off" ? undefined : await this.#findFaces(photo, options);
    if (mode === "faces" && found?.failed) {
      throw new NijigenError("no-face", `Faces could not be searched for (${found.failed}).`);
    }
    const { size = 1024, strength = 1, sideBySide = false } = options;
    const { output = "blob", format = "png", quality = 0.92 } = options;
    /** @type {import("./protocol.js").StylizeRequest} */
    const request = { type: "stylize", photo, size, strength, sideBySide };
    if (output === "blob") request.encode = { type: `image/${format}`, quality };
    if (found && mode !== "off") request.faces = { mode, ...flatten(found.faces) };
    const result = await this.#run(request, signal, options.onProgress);
    const { width, height, blob, rgba, outcomes } = result;
    const detectMs = found?.detectMs;
    return {
      ...(blob ? { blob } : { imageData: new ImageData(rgba, width, height) }),
      width,
      height,
      engine: this.engine,
      ...(this.variant ? { variant: this.variant } : {}),
      elapsedMs: performance.now() - startedAt - (detectMs ?? 0),
      ...(detectMs === undefined ? {} : { detectMs }),
      ...(found ? { faces: found.faces.map((face, i) => ({ ...face, outcome: outcomes[i] })) } : {}),
      ...(found?.failed ? { facesFailed: found.failed } : {}),
      ...(this.#fellBack ? { fellBack: this.#fellBack.message, fellBackCode: this.#fellBack.code } : {}),
    };
  }

  /**
   * The faces that are known, or those found. A provider that fails costs the faces, not the picture.
   * @param {Blob | Pixels} photo
   * @param {StylizeOptions} options
   * @returns {Promise<{faces: Face[], detectMs?: number, failed?: string}>}
   */
  async #findFaces(photo, { landmarks, faceProvider = this.#faceDetector, signal }) {
    if (landmarks) return { faces: landmarks };
    const startedAt = performance.now();
    try {
      const faces = await this.#detect(photo, faceProvider, signal);
      return { faces, detectMs: performance.now() - startedAt };
    } catch (error) {
      const code = error instanceof NijigenError ? error.code : "";
      if (code === "cancelled" || code.startsWith("photo-")) throw error;
      const failed = error instanceof Error ? error.message : String(error);
      return { faces: [], detectMs: performance.now() - startedAt, failed };
    }
  }

  /**
   * @param {Blob | Pixels} photo
   * @param {FaceProvider} provider
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Face[]>}
   */
  async #detect(photo, provider, signal) {
    /** @type {import("./protocol.js").Decoded} */
    const { rgba, width, height, scale } =
      photo instanceof Blob
        ? await this.#run({ type: "decode", photo }, signal)
        : { ...photo, scale: 1 };
    const image = new ImageData(/** @type {any} */ (rgba), width, height);
    const faces = await untilAborted(Promise.resolve(provider.detect(image, { signal })), signal);
    return scaleFaces(checkFaces(faces, "the provider's faces"), 1 / scale);
  }

  /**
   * The engine's answer; if a GPU fails, that of the CPU.
   * @param {import("./protocol.js").StylizeRequest | import("./protocol.js").DecodeRequest} request
   * @param {AbortSignal | undefined} signal
   * @param {(share: number) => void} [onProgress]
   */
  async #run(request, signal, onProgress) {
    try {
      return await this.#ask(request, signal, onProgress);
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const wasGpu = this.#engine === "gpu";
      // Whatever state the engine is in, the next photo gets a fresh one.
      this.#stop(error);
      if (!wasGpu) throw error;
      this.#fellBack = error;
      this.#device = "cpu";
      return this.#ask(request, signal, onProgress);
    }
  }

  /**
   * @param {import("./protocol.js").StylizeRequest | import("./protocol.js").DecodeRequest} request
   * @param {AbortSignal | undefined} signal
   * @param {(share: number) => void} [onProgress]
   */
  async #ask(request, signal, onProgress = () => {}) {
    // An engine that is starting goes on when the photo is cancelled: the next one needs it.
    await untilAborted(this.ready(), signal);
    const client = /** @type {Client} */ (this.#client);
    const isGpu = this.#engine === "gpu";
    // Pixels are copied, not transferred: they are the caller's, and a lost GPU needs them again.
    return client.request(request, {
      onProgress: (_key, current, total) => onProgress(current / total),
      signal,
      quietLimitMs: isGpu ? GPU_QUIET_LIMIT_MS : undefined,
    });
  }

  /**
   * A list of photos to convert with this stylizer.
   * @param {{concurrency?: number, retries?: number}} [options] see {@link Queue}
   * @returns {Queue}
   */
  queue(options) {
    return new Queue((source, options) => this.stylize(source, options), options);
  }

  /**
   * What a conversion will take at most, as far as that can be told ahead: with the options' `faces`
   * "both", that of one face besides the whole. The time is that of the last photo, by the work; before the
   * first one, of a small picture that is drawn for it.
   * @param {number} width of the photo in pixels
   * @param {number} height
   * @param {Pick<StylizeOptions, "size" | "faces">} [options]
   * @returns {Promise<Estimate>}
   * @throws {TypeError} naming the wrong value
   */
  async estimate(width, height, options = {}) {
    for (const [name, side] of Object.entries({ width, height })) {
      if (!(side >= 1)) throw new TypeError(`${name} is ${side}, expected a number of 1 or more`);
    }
    checkStylizeOptions(options);
    const { size = 1024, faces = "off" } = options;
    const portrait = Math.min(size, PORTRAIT_SIDE_PX);
    const shrink = Math.min(1, size / Math.max(width, height));
    const whole = [width, height].map((side) => Math.max(1, Math.round(side * shrink)));
    /** @type {[number, number][]} */
    const sizes = [];
    if (faces !== "faces") sizes.push(/** @type {[number, number]} */ (whole));
    if (faces !== "off") sizes.push([portrait, portrait]);
    await this.ready();
    const client = /** @type {Client} */ (this.#client);
    const { bytes, ms } = await client.request({ type: "estimate", sizes });
    // The photo, which the worker holds too.
    const photo = 4 * Math.min(width * height, MAX_COPIED_PIXELS);
    return { ms, ...(bytes === undefined ? {} : { bytes: photo + Math.max(bytes, photo) }) };
  }

  /**
   * Largest error against the style's known answer, in units of the network's [-1, 1] range.
   * @returns {Promise<number | undefined>}
   */
  async selfCheck() {
    await this.ready();
    return /** @type {Client} */ (this.#client).request({ type: "selfcheck" });
  }

  /** Frees engine and detector; photos that wait fail with "cancelled". */
  dispose() {
    this.#disposed = true;
    this.#faceDetector.dispose();
    this.#stop(cancelled());
  }

  /** @param {NijigenError} error */
  #stop(error) {
    this.#client?.terminate(error);
    this.#client = undefined;
    this.#starting = undefined;
  }
}

/** Whether the package keeps its files where the page does not say. */
export function keepsFiles() {
  return !globalThis.navigator?.serviceWorker?.controller;
}

/** Options that are one of a few words. */
const WORDS = {
  faces: ["off", "faces", "both"],
  output: ["blob", "imagedata"],
  format: ["png", "jpeg", "webp"],
};

/**
 * @param {StylizeOptions} options
 * @throws {TypeError} naming the wrong value
 */
function checkStylizeOptions(options) {
  const { size = 1024, landmarks, faceProvider } = options;
  if (!Number.isInteger(size) || size < 1) {
    throw new TypeError(`size is ${size}, expected a whole number above 0`);
  }
  for (const name of /** @type {const} */ (["strength", "quality"])) {
    const value = options[name] ?? 1;
    if (!(value >= 0 && value <= 1)) {
      throw new TypeError(`${name} is ${value}, expected a number from 0 to 1`);
    }
  }
  for (const [name, words] of Object.entries(WORDS)) {
    const value = options[/** @type {keyof typeof WORDS} */ (name)];
    if (value !== undefined && !words.includes(value)) {
      throw new TypeError(`${name} is "${value}", expected one of "${words.join('", "')}"`);
    }
  }
  if (landmarks !== undefined) checkFaces(landmarks, "landmarks");
  if (faceProvider !== undefined && typeof faceProvider?.detect !== "function") {
    throw new TypeError(`faceProvider is ${faceProvider}, expected an object with a method "detect"`);
  }
}

/**
 * @param {Face[]} faces of one kind
 * @returns {{kind: 5 | 68 | 468, landmarks: Float32Array}}
 */
function flatten(faces) {
  const kind = /** @type {5 | 68 | 468} */ (POINTS[faces[0]?.kind ?? 5]);
  const landmarks = new Float32Array(faces.length * 2 * kind);
  faces.forEach((face, i) => landmarks.set(face.landmarks, i * 2 * kind));
  return { kind, landmarks };
}
