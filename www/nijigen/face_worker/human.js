/** The library Human: BlazeFace and FaceMesh on TensorFlow.js, whose files come by their hashes. */

import { Human } from "../faces/human.esm.js";
import { fetchIntact } from "../shared/assets.js";
import { newCanvas } from "../shared/canvas.js";
import { NijigenError } from "../shared/errors.js";
import { readPixels } from "../shared/read_pixels.js";

/** More faces than this are not looked at. */
export const MAX_FACES = 30;
/**
 * How sure the detector must be that there is a face, and the mesh that it lies on one; 0 to 1. The
 * detector takes a cup or a cat for a face with 0.77, the mesh does not: 0.5 is the most it said of
 * what is none, and 1 of each face.
 */
const MIN_SEEN = 0.5;
export const MIN_MESH = 0.8;

const OFF = { enabled: false };
/** What Human takes for the folder of its models; nothing is fetched from there. */
const FOLDER = "https://faces.invalid/";

/** Only detector and mesh; nothing is cached, warmed up or loaded from elsewhere. */
const HUMAN_CONFIG = {
  backend: /** @type {const} */ ("wasm"),
  modelBasePath: FOLDER,
  wasmPath: FOLDER,
  async: false,
  debug: false,
  cacheModels: false,
  cacheSensitivity: 0,
  filter: OFF,
  gesture: OFF,
  body: OFF,
  hand: OFF,
  object: OFF,
  segmentation: OFF,
  face: {
    detector: { rotation: false, maxDetected: MAX_FACES, minConfidence: MIN_SEEN, skipFrames: 0, skipTime: 0 },
    mesh: { enabled: true },
    iris: OFF,
    emotion: OFF,
    description: OFF,
    antispoof: OFF,
    liveness: OFF,
  },
};

/**
 * @typedef {object} HumanFace what Human says of a face, in pixels of the picture that it was given
 * @property {import("./search.js").Box} box
 * @property {[width: number, height: number]} size
 * @property {number} score
 * @property {number[][]} mesh points
 */

/** @type {any} with TensorFlow.js, which its type lacks */
let human;

/**
 * Loads it, once.
 * @param {Record<string, import("../shared/assets.js").Asset>} listed its models and their WebAssembly, by name
 * @param {boolean} keep whether they may be kept in Cache storage
 */
export async function loadHuman(listed, keep) {
  if (human) return;
  const { fetch } = globalThis;
  try {
    const files = new Map(
      await Promise.all(
        Object.entries(listed).map(async ([name, file]) => {
          // Bundlers leave JSON alone if it is not called so.
          const known = name.replace(/\.txt$/, ".json");
          return /** @type {const} */ ([FOLDER + known, await fetchIntact(file, keep)]);
        }),
      ),
    );
    // Human knows addresses only: it gets what was checked in their place.
    globalThis.fetch = async (address, options) => {
      const bytes = files.get(String(address));
      return bytes ? new Response(bytes, { headers: { "Content-Type": typeOf(String(address)) } }) : fetch(address, options);
    };
    const loaded = /** @type {any} */ (new Human(HUMAN_CONFIG));
    // Its threads would start from addresses that a strict content security policy forbids.
    loaded.tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    await loaded.load();
    const { blazeface, facemesh } = loaded.models.models;
    if (!blazeface?.executor || !facemesh?.executor) throw new Error("its models are missing");
    human = loaded;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError("load-failed", `The face detector could not be loaded (${why}).`);
  } finally {
    globalThis.fetch = fetch;
  }
}

/** @param {string} address of one of the detector's files */
function typeOf(address) {
  if (address.endsWith(".wasm")) return "application/wasm";
  return address.endsWith(".json") ? "application/json" : "application/octet-stream";
}

/**
 * What it finds in a picture, once it is loaded.
 * @param {number} side of the picture in pixels
 * @param {boolean} withMesh
 * @param {(view: OffscreenCanvasRenderingContext2D) => void} draw
 * @returns {Promise<HumanFace[]>}
 */
export async function runHuman(side, withMesh, draw) {
  const { canvas, context: view } = newCanvas(side, side);
  view.imageSmoothingQuality = "high";
  draw(view);
  const pixels = human.tf.browser.fromPixels(await readPixels(canvas));
  try {
    const { face, error } = await human.detect(pixels, { face: { mesh: { enabled: withMesh } } });
    if (error) throw new Error(error);
    return face;
  } finally {
    human.tf.dispose(pixels);
  }
}
