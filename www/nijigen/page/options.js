/** What a host may ask for and what it gets: types, defaults, and the checks that name a wrong value. */

import { checkFaces } from "./faces.js";
import { documentUrl } from "./addresses.js";
import { VARIANTS } from "./variants.js";

/** @typedef {"auto" | "webgpu" | "cpu"} Device */
/** @typedef {import("./faces.js").FaceProvider} FaceProvider */
/** @typedef {import("../shared/protocol.js").Face} Face */
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
 *   loaded, also later, when the portrait network is; a total of 0 is an unknown one
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
 *   photo is read) to 1
 * @property {"off" | "faces" | "both" | "live"} [faces] "off" (default): the photo as a whole; "both": each face
 *   is also drawn by itself, upright and at a size at which the style knows faces, and put back into
 *   the whole; "faces": the portrait of the largest face, 512 pixels a side. A look's portrait network draws those
 *   whose mesh is known and that are not turned away too far. "live": as "both" for live pictures, faster: at their size in the
 *   picture, and without the portrait network
 * @property {number} [likeness] of faces that a portrait network draws, from 0 (proportions of a drawing: larger eyes, a
 *   slimmer jaw) to 1 (the face as it is); default 0.25
 * @property {Face[]} [landmarks] faces that are known already, at most 100; nothing is searched for
 *   then
 * @property {FaceProvider} [faceProvider] finds the faces; default: a detector that is loaded from
 *   `nijigen/faces/` at first use
 * @property {boolean} [sideBySide] the photo at the picture's left
 * @property {AbortSignal} [signal]
 */

/**
 * @typedef {Face & {outcome: import("../shared/protocol.js").Outcome}} DrawnFace
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
 * @property {string} [facesFailed] why faces could not be searched for, and `faces` is empty; or, if it is not, why the
 *   look's portrait network could not draw them and its other network did
 * @property {number} [missing] if the photo's file ends early: the share of its rows that are missing and drawn gray, at most
 *   0.5; 0 if the photo is only less sharp than it could be
 * @property {string} [fellBack] why another engine than the one asked for was used
 * @property {import("../shared/errors.js").ErrorCode} [fellBackCode] the same as a code
 */

/** Limit of a picture's longer side, where nothing is said. */
export const DEFAULT_SIZE_PX = 1024;

/** How much of their own proportions faces keep, where nothing is said. */
export const DEFAULT_LIKENESS = 0.25;

/** Whether the package keeps its files where the page does not say. */
export function keepsFiles() {
  try {
    return !globalThis.navigator?.serviceWorker?.controller;
  } catch {
    // A sandboxed frame has neither storage nor service worker, and throws when it is asked.
    return false;
  }
}

/** Options that are one of a few words. @type {Record<string, readonly string[]>} */
const WORDS = {
  device: ["auto", "webgpu", "cpu"],
  variant: ["auto", ...VARIANTS],
  precision: ["auto", "f32", "int8"],
  faces: ["off", "faces", "both", "live"],
  output: ["blob", "imagedata"],
  format: ["png", "jpeg", "webp"],
};

/** @param {string} name of an option @param {unknown} value that was given for it, if any */
function checkWord(name, value) {
  const words = WORDS[name];
  if (value === undefined || words.includes(String(value))) return;
  const list = words.map((word) => `"${word}"`).join(", ");
  throw new TypeError(`${name} is "${value}", expected one of ${list}`);
}

/**
 * @param {StylizerOptions} options
 * @throws {TypeError} naming the wrong value
 */
export function checkStylizerOptions({ device, variant, precision, threads }) {
  for (const [name, value] of Object.entries({ device, variant, precision })) checkWord(name, value);
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1)) {
    throw new TypeError(`threads is ${threads}, expected a whole number above 0`);
  }
}

/**
 * What an engine is started with.
 * @typedef {Required<Pick<StylizerOptions,
 *   "device" | "variant" | "precision" | "cache" | "allowFallbackAdapter" | "onProgress">>
 *   & {threads?: number, workerUrl?: string}} EngineOptions
 */

/**
 * @param {StylizerOptions} options that were checked
 * @returns {EngineOptions}
 */
export function completeStylizerOptions({ workerUrl, threads, ...options }) {
  return {
    device: options.device ?? "auto",
    variant: options.variant ?? "auto",
    precision: options.precision ?? "auto",
    cache: options.cache ?? keepsFiles(),
    allowFallbackAdapter: options.allowFallbackAdapter ?? false,
    onProgress: options.onProgress ?? (() => {}),
    threads,
    workerUrl: workerUrl && new URL(workerUrl, documentUrl()).href,
  };
}

/**
 * @param {StylizeOptions} options
 * @throws {TypeError} naming the wrong value
 */
export function checkStylizeOptions({ size = DEFAULT_SIZE_PX, landmarks, faceProvider, ...options }) {
  if (!Number.isInteger(size) || size < 1) {
    throw new TypeError(`size is ${size}, expected a whole number above 0`);
  }
  for (const name of /** @type {const} */ (["strength", "quality", "likeness"])) {
    const value = options[name] ?? 1;
    if (!(value >= 0 && value <= 1)) {
      throw new TypeError(`${name} is ${value}, expected a number from 0 to 1`);
    }
  }
  for (const name of /** @type {const} */ (["faces", "output", "format"])) checkWord(name, options[name]);
  if (landmarks !== undefined) checkFaces(landmarks, "landmarks");
  if (faceProvider !== undefined && typeof faceProvider?.detect !== "function") {
    throw new TypeError(`faceProvider is ${faceProvider}, expected an object with a method "detect"`);
  }
}
