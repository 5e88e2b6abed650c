/** A photo's way through the engine: opened once, its faces found, and drawn. */

import { NijigenError } from "../shared/errors.js";
import { untilAborted } from "./abort.js";
import { FaceDetector } from "./face_detector.js";
import { checkFaces, flattenFaces, scaleFaces } from "./faces.js";
import { DEFAULT_LIKENESS, DEFAULT_SIZE_PX, checkStylizeOptions } from "./options.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./open_photo.js").OpenPhoto} OpenPhoto */
/** @typedef {import("./options.js").Face} Face */
/** @typedef {import("./options.js").FaceProvider} FaceProvider */
/** @typedef {import("./options.js").Picture} Picture */
/** @typedef {import("./options.js").StylizeOptions} StylizeOptions */

/**
 * @param {Engine} engine
 * @param {FaceDetector} detector where the host brings no provider
 * @param {OpenPhoto} photo
 * @param {StylizeOptions} options
 * @returns {Promise<Picture>}
 * @throws {TypeError | NijigenError}
 */
export async function convert(engine, detector, photo, options) {
  checkStylizeOptions(options);
  const { faces: mode = "off", signal, onProgress = () => {} } = options;
  const startedAt = performance.now();
  const found = mode === "off" ? undefined : await knownFaces(engine, detector, photo, options);
  if (mode === "faces" && found?.failed) {
    throw new NijigenError("no-face", `Faces could not be searched for (${found.failed}).`);
  }
  const { size = DEFAULT_SIZE_PX, strength = 1, sideBySide = false, likeness = DEFAULT_LIKENESS } = options;
  const { output = "blob", format = "png", quality = 0.92 } = options;
  const request = {
    size,
    strength,
    sideBySide,
    ...(output === "blob" ? { encode: { type: `image/${format}`, quality } } : {}),
    ...(found && mode !== "off" ? { faces: { mode, likeness, ...flattenFaces(found.faces) } } : {}),
  };
  const drawn = await engine.stylize(photo, request, onProgress, signal);
  const { width, height, outcomes, missing } = drawn;
  const facesFailed = found?.failed ?? drawn.portraitFailed;
  const { name, variant, fellBack } = engine;
  const detectMs = found?.detectMs;
  return {
    ...("blob" in drawn ? { blob: drawn.blob } : { imageData: new ImageData(drawn.rgba, width, height) }),
    width,
    height,
    engine: name,
    ...(variant ? { variant } : {}),
    elapsedMs: performance.now() - startedAt - (detectMs ?? 0),
    ...(detectMs === undefined ? {} : { detectMs }),
    ...(found ? { faces: found.faces.map((face, i) => ({ ...face, outcome: outcomes[i] })) } : {}),
    ...(facesFailed ? { facesFailed } : {}),
    ...(missing === undefined ? {} : { missing }),
    ...(fellBack ? { fellBack: fellBack.message, fellBackCode: fellBack.code } : {}),
  };
}

/**
 * The faces that the host names, or those found. A search that fails costs the faces, not the picture.
 * @param {Engine} engine
 * @param {FaceDetector} detector
 * @param {OpenPhoto} photo
 * @param {StylizeOptions} options
 * @returns {Promise<{faces: Face[], detectMs?: number, failed?: string}>}
 */
async function knownFaces(engine, detector, photo, { landmarks, faceProvider, signal }) {
  if (landmarks) return { faces: landmarks };
  // What cannot be opened has no picture, either.
  await engine.open(photo, signal);
  const startedAt = performance.now();
  try {
    const faces = await findFaces(engine, faceProvider ?? detector, photo, signal);
    return { faces, detectMs: performance.now() - startedAt };
  } catch (error) {
    const code = error instanceof NijigenError ? error.code : "";
    if (code === "cancelled" || code.startsWith("photo-")) throw error;
    const failed = error instanceof Error ? error.message : String(error);
    return { faces: [], detectMs: performance.now() - startedAt, failed };
  }
}

/**
 * @param {Engine} engine
 * @param {FaceProvider | FaceDetector} finder the package's own borrows the photo from the engine; a host's gets a copy
 * @param {OpenPhoto} photo
 * @param {AbortSignal} [signal]
 * @returns {Promise<Face[]>} in pixels of the upright photo
 */
export async function findFaces(engine, finder, photo, signal) {
  const { scale } = await engine.open(photo, signal);
  const faces =
    finder instanceof FaceDetector
      ? await search(engine, finder, photo, signal)
      : await askProvider(engine, finder, photo, signal);
  return scaleFaces(faces, 1 / scale);
}

/**
 * @param {Engine} engine
 * @param {FaceDetector} detector
 * @param {OpenPhoto} photo
 * @param {AbortSignal} [signal]
 */
async function search(engine, detector, photo, signal) {
  const port = await engine.lend(photo, signal);
  try {
    return await detector.detect(port, signal);
  } catch (error) {
    // Its worker may never have looked at the port.
    engine.release(photo);
    throw error;
  }
}

/**
 * @param {Engine} engine
 * @param {FaceProvider} provider
 * @param {OpenPhoto} photo
 * @param {AbortSignal} [signal]
 */
async function askProvider(engine, provider, photo, signal) {
  const { rgba, width, height } = await engine.copy(photo, signal);
  const image = new ImageData(rgba, width, height);
  const faces = await untilAborted(Promise.resolve(provider.detect(image, { signal })), signal);
  return checkFaces(faces, "the provider's faces");
}
