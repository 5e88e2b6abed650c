/** Finds faces and their landmarks in the photos that an engine lends. */

import { answerRequests, messagesHandled } from "../shared/answer_requests.js";
import { newCanvas } from "../shared/canvas.js";
import { keepsPixels } from "../shared/canvas_limits.js";
import { NijigenError, cancelled } from "../shared/errors.js";
import { halve } from "./halve.js";
import { MAX_FACES, MIN_MESH, loadHuman, runHuman } from "./human.js";
import { SEEN_PX, distinct, squaresToSearch } from "./search.js";

/** A face is cut out and turned upright for the mesh, in a square of so many pixels. */
const CROP_PX = 512;
/** Side of that square, by the side of the detector's box. */
const CROP_BY_BOX = 1.6;

/** @typedef {import("../shared/protocol.js").Face} Face */
/** @typedef {import("../shared/protocol.js").Pixels} Pixels */
/** @typedef {import("./search.js").Box} Box */

/**
 * @typedef {object} Seen a face as the detector sees it
 * @property {Box} box square, with room about the face
 * @property {number} score
 * @property {number} turn clockwise, in radians
 */

/** @type {import("../shared/answer_requests.js").Answers<import("../shared/protocol.js").FaceRequests>} */
const answers = {
  detect: async ({ port, files, keep }, { isCancelled }) => {
    const { photo, shrink } = await borrow(port);
    try {
      await loadHuman(files, keep);
      const faces = await detect(photo, isCancelled);
      return shrink === 1 ? faces : faces.map((face) => enlarge(face, shrink));
    } finally {
      // Large, and not to wait for being collected.
      photo.width = photo.height = 0;
    }
  },
};
answerRequests(answers);

/**
 * Draws the photo that waits at the port, and sends its pixels back at once.
 * @param {MessagePort} port
 * @returns {Promise<{photo: OffscreenCanvas, shrink: number}>} how often it is smaller than what was lent
 */
function borrow(port) {
  return new Promise((resolve, reject) => {
    port.onmessageerror = () => reject(new NijigenError("engine-failed", "The photo could not be received."));
    port.onmessage = async (/** @type {MessageEvent<Pixels>} */ { data }) => {
      try {
        resolve(await drawPhoto(data));
      } catch (thrown) {
        reject(thrown);
      } finally {
        port.postMessage(data.rgba, [data.rgba.buffer]);
      }
    };
  });
}

/** @param {Pixels} pixels of a photo, which is drawn smaller where a canvas does not hold it */
async function drawPhoto({ rgba, width, height }) {
  let image = new ImageData(rgba, width, height);
  for (let shrink = 1; ; shrink *= 2, image = halve(image)) {
    const { canvas, context } = newCanvas(image.width, image.height);
    if (!(await keepsPixels(canvas))) continue;
    context.putImageData(image, 0, 0);
    return { photo: canvas, shrink };
  }
}

/** @param {Face} face @param {number} factor @returns {Face} */
function enlarge({ box, landmarks, ...face }, factor) {
  const [x, y, width, height] = box;
  return {
    ...face,
    box: [x * factor, y * factor, width * factor, height * factor],
    landmarks: landmarks.map((value) => value * factor),
  };
}

/**
 * @param {OffscreenCanvas} photo
 * @param {() => boolean} isCancelled
 * @returns {Promise<Face[]>} best first
 */
async function detect(photo, isCancelled) {
  /** @type {Seen[]} */
  const seen = [];
  for (const square of squaresToSearch(photo.width, photo.height)) {
    await messagesHandled();
    if (isCancelled()) throw cancelled();
    seen.push(...(await look(photo, square)));
  }
  /** @type {Face[]} */
  const faces = [];
  for (const face of distinct(seen).slice(0, MAX_FACES)) {
    await messagesHandled();
    if (isCancelled()) throw cancelled();
    const mesh = await layMesh(photo, face);
    if (mesh) faces.push(mesh);
  }
  return distinct(faces);
}

/**
 * @param {OffscreenCanvas} photo
 * @param {import("./search.js").Square} square
 * @returns {Promise<Seen[]>}
 */
async function look(photo, { x, y, side }) {
  const scale = SEEN_PX / side;
  const found = await runHuman(SEEN_PX, false, (view) => {
    view.drawImage(photo, x, y, side, side, 0, 0, SEEN_PX, SEEN_PX);
  });
  return found.map(({ box, size, score, mesh }) => {
    const [right, left] = mesh;
    return {
      box: /** @type {Box} */ ([x + box[0] / scale, y + box[1] / scale, size[0] / scale, size[1] / scale]),
      score,
      turn: Math.atan2(left[1] - right[1], left[0] - right[0]),
    };
  });
}

/**
 * @param {OffscreenCanvas} photo
 * @param {Seen} face
 * @returns {Promise<Face | undefined>} nothing if there is no face after all
 */
async function layMesh(photo, { box: [x, y, width, height], turn }) {
  const scale = CROP_PX / (CROP_BY_BOX * Math.max(width, height));
  const [centreX, centreY] = [x + width / 2, y + height / 2];
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const found = await runHuman(CROP_PX, true, (view) => {
    view.setTransform(1, 0, 0, 1, CROP_PX / 2, CROP_PX / 2);
    view.rotate(-turn);
    view.scale(scale, scale);
    // The circle about the crop is all that can be seen of the photo.
    const side = (Math.SQRT2 * CROP_PX) / scale;
    view.drawImage(photo, centreX - side / 2, centreY - side / 2, side, side, -side / 2, -side / 2, side, side);
  });
  /** From the middle of the crop. @param {import("./human.js").HumanFace} face */
  const distance = ({ box }) =>
    Math.hypot(box[0] + box[2] / 2 - CROP_PX / 2, box[1] + box[3] / 2 - CROP_PX / 2);
  const [nearest] = found.sort((a, b) => distance(a) - distance(b));
  if (!nearest || nearest.score < MIN_MESH || nearest.mesh.length < 468) return undefined;
  const landmarks = new Float32Array(2 * 468);
  nearest.mesh.slice(0, 468).forEach(([meshX, meshY], i) => {
    // Human rounds towards zero: half a pixel puts that right on average.
    const dx = (meshX + 0.5 - CROP_PX / 2) / scale;
    const dy = (meshY + 0.5 - CROP_PX / 2) / scale;
    landmarks[2 * i] = centreX + dx * cos - dy * sin;
    landmarks[2 * i + 1] = centreY + dx * sin + dy * cos;
  });
  return { box: boundingBox(landmarks), score: nearest.score, landmarks, kind: "468" };
}

/** @param {Float32Array} landmarks @returns {Box} */
function boundingBox(landmarks) {
  const xs = landmarks.filter((_, i) => i % 2 === 0);
  const ys = landmarks.filter((_, i) => i % 2 === 1);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return [left, top, Math.max(...xs) - left, Math.max(...ys) - top];
}
