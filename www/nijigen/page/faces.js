/** Faces in photos: what a landmark provider answers, and the default one. */

import { Client } from "./client.js";
import { cancelled } from "../shared/errors.js";
import { startWorker } from "../shared/start_worker.js";

/**
 * @typedef {object} Face
 * @property {[x: number, y: number, width: number, height: number]} box about the face, in pixels of
 *   the upright photo (EXIF orientation applied) from its top left corner
 * @property {number} score how sure its finder is, 0 to 1
 * @property {Float32Array} landmarks x and y of each point, in the same pixels
 * @property {"5" | "68" | "468"} kind of landmarks: left eye, right eye, nose and corners of the mouth
 *   as the viewer sees them; the 68 points of iBUG 300-W; the first 468 of MediaPipe's face mesh
 */

/**
 * @typedef {object} FaceProvider finds the faces in a photo
 * @property {(image: ImageData, options: {signal?: AbortSignal}) => Promise<Face[]>} detect whose
 *   answer is in pixels of the image that it is given
 */

/** The kinds of landmarks and how many points each has. @type {Record<string, number>} */
export const POINTS = { 5: 5, 68: 68, 468: 468 };

/**
 * Checks what a host or its provider gave.
 * @param {unknown} faces
 * @param {string} name what the caller knows them by
 * @returns {Face[]}
 * @throws {TypeError} naming the wrong value
 */
export function checkFaces(faces, name) {
  if (!Array.isArray(faces)) throw new TypeError(`${name} is ${faces}, expected an array of faces`);
  faces.forEach((face, i) => {
    const kind = face?.kind;
    if (!Object.hasOwn(POINTS, String(kind))) {
      throw new TypeError(`${name}[${i}].kind is "${kind}", expected "5", "68" or "468"`);
    }
    if (kind !== faces[0].kind) {
      throw new TypeError(`${name}[${i}].kind is "${kind}", but ${name}[0].kind is "${faces[0].kind}"`);
    }
    const { landmarks } = face;
    if (!(landmarks instanceof Float32Array)) {
      throw new TypeError(`${name}[${i}].landmarks is ${landmarks}, expected a Float32Array`);
    }
    const expected = 2 * POINTS[kind];
    if (landmarks.length !== expected) {
      throw new TypeError(
        `${name}[${i}].landmarks has ${landmarks.length} numbers, expected ${expected} (x and y of ${kind} points)`,
      );
    }
  });
  return faces;
}

/**
 * @param {Face[]} faces
 * @param {number} factor
 * @returns {Face[]} in the pixels of a photo that is so much larger
 */
export function scaleFaces(faces, factor) {
  if (factor === 1) return faces;
  return faces.map((face) => ({
    ...face,
    box: /** @type {Face["box"]} */ (face.box?.map((value) => value * factor)),
    landmarks: face.landmarks.map((value) => value * factor),
  }));
}

/**
 * The default provider: BlazeFace and FaceMesh, in a worker of their own. Nothing is loaded before
 * the first photo.
 * @implements {FaceProvider}
 */
export class FaceDetector {
  #facesUrl;
  #keep;
  #workerUrl;
  /** @type {Client | undefined} */
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
   * @param {ImageData} image
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<Face[]>} best first, at most 30
   * @throws {import("../shared/errors.js").NijigenError}
   */
  async detect({ data, width, height }, { signal } = {}) {
    // A worker that died is replaced.
    if (!this.#client || this.#client.closed) {
      this.#client = new Client(startWorker("faces", this.#workerUrl));
    }
    const photo = { rgba: data, width, height };
    return this.#client.request({ type: "detect", facesUrl: this.#facesUrl, keep: this.#keep, photo }, { signal });
  }

  /** Frees the detector; what is under way fails with "cancelled". */
  dispose() {
    this.#client?.terminate(cancelled());
    this.#client = undefined;
  }
}
