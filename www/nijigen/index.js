/**
 * Nijigen: photos into anime pictures, on this device.
 *
 *     import { createStylizer } from "./nijigen/index.js";
 *     const stylizer = await createStylizer();
 *     const { blob } = await stylizer.stylize(file);
 */

import { Client } from "./client.js";
import { NijigenError, cancelled, isEngineError } from "./errors.js";
import { FaceDetector, POINTS, checkFaces, scaleFaces } from "./faces.js";

export { NijigenError } from "./errors.js";

/** A GPU that has said nothing for so long in the middle of a photo is taken for lost. */
const GPU_QUIET_LIMIT_MS = 60_000;
/** At the start, all its shaders are compiled without a word. */
const GPU_START_QUIET_LIMIT_MS = 120_000;

/** @typedef {"auto" | "webgpu" | "cpu"} Device */
/** @typedef {import("./faces.js").Face} Face */
/** @typedef {import("./faces.js").FaceProvider} FaceProvider */

/**
 * @typedef {object} StyleEntry a style in `styles/manifest.json`
 * @property {string} name
 * @property {string} file
 * @property {number} bytes
 * @property {string} sha256
 * @property {Record<string, string>} title by language
 * @property {string} credit
 * @property {string} license
 */

/**
 * @typedef {object} StylizerOptions
 * @property {string | {url: string, sha256?: string}} [style] a name in the manifest (default: the
 *   first), or a style file elsewhere
 * @property {Device} [device] default "auto": WebGPU where it is real and right, else the CPU
 * @property {string | URL} [assets] folder that holds `nijigen/` and `styles/`; default: the
 *   folder this package is in
 * @property {number} [threads] of the CPU engine, default: as many as the device has, at most 8;
 *   more than one only where the page is cross-origin isolated
 * @property {"auto" | "f32" | "int8"} [precision] of the CPU engine's products; default "auto":
 *   8-bit integers where a quick measurement finds them faster, which changes a picture by a few
 *   levels of 255 at most places where it does at all
 * @property {boolean} [allowFallbackAdapter] accept a WebGPU device emulated in software
 * @property {(key: "engine" | "style", current: number, total: number) => void} [onProgress] bytes
 *   loaded; a total of 0 is an unknown one
 * @property {AbortSignal} [signal] gives up starting
 */

/**
 * @typedef {object} StylizeOptions
 * @property {number} [longSide] limit of the picture's longer side in pixels, default 1024; photos
 *   are never enlarged
 * @property {"blob" | "imagedata"} [output] PNG file (default) or pixels
 * @property {(share: number) => void} [onProgress] share of the work that is done, from 0 (the
 *   photo is read) to 1; a GPU reports nothing between
 * @property {"off" | "faces" | "both"} [faces] "off" (default): the photo as a whole; "both": each face
 *   is also drawn by itself, upright and at a size at which the style knows faces, and put back into
 *   the whole; "faces": the portrait of the largest face, 512 pixels a side
 * @property {Face[]} [landmarks] faces that are known already, at most 100; nothing is searched for
 *   then
 * @property {FaceProvider} [faceProvider] finds the faces; default: a detector that is loaded from
 *   `nijigen/faces/` at first use
 * @property {boolean} [sideBySide] with faces: the photo beside the picture
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
 * @property {number} elapsedMs from the call's turn to the finished picture, but for `detectMs`
 * @property {number} [detectMs] that finding the faces took, if they were searched for
 * @property {DrawnFace[]} [faces] with faces: those that were given or found, and what became of them
 * @property {string} [facesFailed] why faces could not be searched for; the picture has none then
 * @property {string} [fellBack] why another engine than the one asked for was used
 */

/**
 * The styles that are there.
 * @param {string | URL} [assets] see {@link StylizerOptions}
 * @returns {Promise<StyleEntry[]>}
 */
export async function listStyles(assets = defaultAssets()) {
  const url = new URL("styles/manifest.json", toFolder(assets));
  let why;
  try {
    const response = await fetch(url);
    if (response.ok) {
      const manifest = await response.json();
      if (manifest.version === 1) return manifest.styles;
      why = `version ${manifest.version}, expected 1`;
    } else {
      why = `status ${response.status}`;
    }
  } catch (thrown) {
    why = thrown instanceof Error ? thrown.message : thrown;
  }
  throw new NijigenError("load-failed", `The list of styles ${url} could not be loaded (${why}).`);
}

/**
 * Loads an engine and a style.
 * @param {StylizerOptions} [options]
 * @returns {Promise<Stylizer>}
 * @throws {NijigenError}
 */
export async function createStylizer(options = {}) {
  const { device = "auto", signal } = options;
  if (!["auto", "webgpu", "cpu"].includes(device)) {
    throw new TypeError(`device is "${device}", expected "auto", "webgpu" or "cpu"`);
  }
  const { threads, precision = "auto" } = options;
  if (!["auto", "f32", "int8"].includes(precision)) {
    throw new TypeError(`precision is "${precision}", expected "auto", "f32" or "int8"`);
  }
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1)) {
    throw new TypeError(`threads is ${threads}, expected a whole number above 0`);
  }
  const assets = toFolder(options.assets ?? defaultAssets());
  const style = await untilAborted(findStyle(options.style, assets), signal);
  const stylizer = new Stylizer(device, assets, style, options);
  try {
    await untilAborted(stylizer.ready(), signal);
  } catch (error) {
    stylizer.dispose();
    throw error;
  }
  return stylizer;
}

function defaultAssets() {
  return new URL("..", import.meta.url);
}

/**
 * @param {string | URL} assets relative to the document
 * @returns {URL} with the slash at its end that relative addresses need
 */
function toFolder(assets) {
  const folder = new URL(assets, globalThis.document?.baseURI ?? location.href);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return folder;
}

/**
 * @param {StylizerOptions["style"]} style
 * @param {URL} assets
 * @returns {Promise<import("./protocol.js").StyleSource>}
 */
async function findStyle(style, assets) {
  if (typeof style === "object") {
    const url = new URL(style.url, globalThis.document?.baseURI ?? location.href);
    return { url: url.href, sha256: style.sha256 ?? "" };
  }
  const styles = await listStyles(assets);
  const entry = style === undefined ? styles[0] : styles.find(({ name }) => name === style);
  if (!entry) {
    const names = styles.map(({ name }) => name).join(", ");
    throw new NijigenError("style-invalid", `There is no style "${style}" (there are: ${names}).`);
  }
  const { file, bytes, sha256 } = entry;
  return { url: new URL(`styles/${file}`, assets).href, bytes, sha256 };
}

/** A style on an engine. Photos are converted one after the other. */
class Stylizer {
  /** @type {Device} */
  #device;
  #assets;
  #style;
  #threads;
  #precision;
  #allowFallbackAdapter;
  #onProgress;
  #faceDetector;
  /** @type {Client | undefined} */
  #client;
  /** @type {Promise<void> | undefined} */
  #starting;
  /** @type {"cpu" | "gpu"} */
  #engine = "cpu";
  /** @type {string | undefined} */
  #fellBack;
  #disposed = false;
  /** The photo being converted, and those that wait. */
  #queue = Promise.resolve();
  /** @type {Record<string, unknown>} */
  #header = {};

  /**
   * @param {Device} device
   * @param {URL} assets
   * @param {import("./protocol.js").StyleSource} style
   * @param {StylizerOptions} options
   */
  constructor(device, assets, style, options) {
    this.#device = device;
    this.#assets = assets;
    this.#style = style;
    this.#threads = options.threads;
    this.#precision = options.precision ?? "auto";
    this.#allowFallbackAdapter = options.allowFallbackAdapter ?? false;
    this.#onProgress = options.onProgress ?? (() => {});
    this.#faceDetector = new FaceDetector(new URL("nijigen/faces/", assets).href);
  }

  /** The engine in use. @returns {"cpu" | "webgpu"} */
  get engine() {
    return this.#engine === "gpu" ? "webgpu" : "cpu";
  }

  /** Why another engine than the one asked for is used, if so. */
  get fellBack() {
    return this.#fellBack;
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
        this.#fellBack = error.message;
      }
    }
    return this.#startEngine("cpu");
  }

  /** @param {"cpu" | "gpu"} engine */
  async #startEngine(engine) {
    const url = new URL("./worker.js", import.meta.url);
    const client = new Client(new Worker(url, { type: "module" }));
    this.#client = client;
    this.#engine = engine;
    try {
      const started = await client.request(
        {
          type: "start",
          engine,
          modulesUrl: new URL("nijigen/wasm/", this.#assets).href,
          threads: this.#threads,
          precision: this.#precision,
          style: this.#style,
          allowFallbackAdapter: this.#allowFallbackAdapter,
        },
        {
          onProgress: (key, current, total) => {
            if (key !== "stylize") this.#onProgress(key, current, total);
          },
          quietLimitMs: engine === "gpu" ? GPU_START_QUIET_LIMIT_MS : undefined,
        },
      );
      this.#header = started.header;
    } catch (error) {
      client.terminate(cancelled());
      if (this.#client === client) this.#client = undefined;
      throw error;
    }
  }

  /**
   * Converts a photo. Photos given while one is converted wait for their turn.
   * @param {Blob | ImageData | ImageBitmap} source
   * @param {StylizeOptions} [options]
   * @returns {Promise<Picture>}
   * @throws {NijigenError} with code "cancelled" if the signal is aborted, and "no-face" if only faces
   *   are wanted and there is none that can be drawn
   */
  stylize(source, options = {}) {
    return this.#inTurn(() => this.#convert(source, options), options.signal);
  }

  /**
   * Finds the faces in a photo, for `landmarks` of {@link stylize}.
   * @param {Blob | ImageData | ImageBitmap} source
   * @param {{signal?: AbortSignal, faceProvider?: FaceProvider}} [options]
   * @returns {Promise<Face[]>} in pixels of the upright photo; empty if there are none
   * @throws {NijigenError} with code "cancelled" if the signal is aborted
   */
  detectFaces(source, { signal, faceProvider = this.#faceDetector } = {}) {
    return this.#inTurn(() => this.#detect(toPhoto(source), faceProvider, signal), signal);
  }

  /**
   * @template T
   * @param {() => Promise<T>} task
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<T>}
   */
  #inTurn(task, signal) {
    const turn = this.#queue.then(() => {
      if (signal?.aborted || this.#disposed) throw cancelled();
      return task();
    });
    // A photo that fails does not stop the next.
    this.#queue = turn.then(
      () => {},
      () => {},
    );
    return untilAborted(turn, signal);
  }

  /**
   * @param {Blob | ImageData | ImageBitmap} source
   * @param {StylizeOptions} options
   * @returns {Promise<Picture>}
   */
  async #convert(source, options) {
    checkStylizeOptions(options);
    const { longSide = 1024, faces: mode = "off", output = "blob", signal } = options;
    const startedAt = performance.now();
    const photo = toPhoto(source);
    const found = mode === "off" ? undefined : await this.#findFaces(photo, options);
    if (mode === "faces" && found?.failed) {
      throw new NijigenError("no-face", `Faces could not be searched for (${found.failed}).`);
    }
    /** @type {import("./protocol.js").StylizeRequest} */
    const request = { type: "stylize", photo, longSide, encode: output === "blob" };
    if (found && mode !== "off") {
      request.faces = { mode, sideBySide: options.sideBySide ?? false, ...flatten(found.faces) };
    }
    const result = await this.#run(request, signal, options.onProgress);
    const { width, height, blob, rgba, outcomes } = result;
    const detectMs = found?.detectMs;
    return {
      ...(blob ? { blob } : { imageData: new ImageData(rgba, width, height) }),
      width,
      height,
      engine: this.engine,
      elapsedMs: performance.now() - startedAt - (detectMs ?? 0),
      ...(detectMs === undefined ? {} : { detectMs }),
      ...(found ? { faces: found.faces.map((face, i) => ({ ...face, outcome: outcomes[i] })) } : {}),
      ...(found?.failed ? { facesFailed: found.failed } : {}),
      ...(this.#fellBack ? { fellBack: this.#fellBack } : {}),
    };
  }

  /**
   * The faces that are known, or those found. A provider that fails costs the faces, not the picture.
   * @param {Blob | import("./protocol.js").Pixels} photo
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
   * @param {Blob | import("./protocol.js").Pixels} photo
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
      this.#fellBack = error.message;
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

/**
 * @param {StylizeOptions} options
 * @throws {TypeError} naming the wrong value
 */
function checkStylizeOptions({ longSide = 1024, faces = "off", landmarks, faceProvider, sideBySide }) {
  if (!Number.isInteger(longSide) || longSide < 1) {
    throw new TypeError(`longSide is ${longSide}, expected a whole number above 0`);
  }
  if (!["off", "faces", "both"].includes(faces)) {
    throw new TypeError(`faces is "${faces}", expected "off", "faces" or "both"`);
  }
  if (landmarks !== undefined) checkFaces(landmarks, "landmarks");
  if (faceProvider !== undefined && typeof faceProvider?.detect !== "function") {
    throw new TypeError(`faceProvider is ${faceProvider}, expected an object with a method "detect"`);
  }
  if (faces === "off" && sideBySide) {
    throw new TypeError('sideBySide is true, which needs faces to be "faces" or "both"');
  }
}

/**
 * @param {Face[]} faces of one kind
 * @returns {{kind: number, landmarks: Float32Array}}
 */
function flatten(faces) {
  const kind = POINTS[faces[0]?.kind ?? 5];
  const landmarks = new Float32Array(faces.length * 2 * kind);
  faces.forEach((face, i) => landmarks.set(face.landmarks, i * 2 * kind));
  return { kind, landmarks };
}

/**
 * Gives up waiting for the promise when the signal is aborted.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<T>}
 * @throws {NijigenError} with code "cancelled"
 */
function untilAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(cancelled());
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * What the worker takes: files as they are, pixels as they are, bitmaps as pixels.
 * @param {Blob | ImageData | ImageBitmap} source
 * @returns {Blob | import("./protocol.js").Pixels}
 */
function toPhoto(source) {
  if (source instanceof Blob) return source;
  let image = source;
  if (image instanceof ImageBitmap || (image instanceof ImageData && image.colorSpace !== "srgb")) {
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (image instanceof ImageData) context?.putImageData(image, 0, 0);
    else context?.drawImage(image, 0, 0);
    image = /** @type {ImageData} */ (context?.getImageData(0, 0, image.width, image.height));
  }
  if (image instanceof ImageData) {
    return { rgba: image.data, width: image.width, height: image.height };
  }
  throw new NijigenError(
    "photo-missing",
    `The photo is ${Object.prototype.toString.call(source)}, expected a Blob, File, ImageData or ImageBitmap.`,
  );
}
