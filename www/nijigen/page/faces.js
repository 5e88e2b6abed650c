/** Faces that a host or a provider names. */

/** @typedef {import("../shared/protocol.js").Face} Face */

/**
 * @typedef {object} FaceProvider finds the faces in a photo
 * @property {(image: ImageData, options: {signal?: AbortSignal}) => Promise<Face[]>} detect whose
 *   answer is in pixels of the image that it is given
 */

/** The kinds of landmarks and how many points each has. */
const POINTS = /** @type {const} */ ({ 5: 5, 68: 68, 468: 468, 478: 478 });

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
      throw new TypeError(`${name}[${i}].kind is "${kind}", expected "5", "68", "468" or "478"`);
    }
    if (kind !== faces[0].kind) {
      throw new TypeError(`${name}[${i}].kind is "${kind}", but ${name}[0].kind is "${faces[0].kind}"`);
    }
    const { landmarks } = face;
    if (!(landmarks instanceof Float32Array)) {
      throw new TypeError(`${name}[${i}].landmarks is ${landmarks}, expected a Float32Array`);
    }
    const expected = 2 * POINTS[/** @type {Face["kind"]} */ (kind)];
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
 * @param {Face[]} faces of one kind
 * @returns {{kind: 5 | 68 | 468 | 478, landmarks: Float32Array}}
 */
export function flattenFaces(faces) {
  const kind = POINTS[faces[0]?.kind ?? 5];
  const landmarks = new Float32Array(faces.length * 2 * kind);
  faces.forEach((face, i) => landmarks.set(face.landmarks, i * 2 * kind));
  return { kind, landmarks };
}
