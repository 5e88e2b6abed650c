/** Runs one engine: loads it with a style, opens photos, and converts them one by one. */

import { answerRequests, messagesHandled } from "../shared/answer_requests.js";
import { encodePixels } from "../shared/encode_pixels.js";
import { cancelled } from "../shared/errors.js";
import { loadEngine } from "./loading.js";
import { Pace } from "./pace.js";
import { closePhoto, copyPhoto, findPhoto, lendPhoto, openPhoto } from "./photos.js";
import { FaceNetworks } from "./face_networks.js";
import { THREAD_NAME } from "./thread.js";

/** @typedef {import("../shared/protocol.js").EngineRequests} EngineRequests */

/** @type {import("./module.js").EngineModule} */
let engineModule;
/** @type {import("./module.js").Stylizer} */
let stylizer;
/** @type {Pace} */
let pace;
/** @type {FaceNetworks} */
let faceNetworks;

/** @type {import("../shared/answer_requests.js").Answers<EngineRequests>} */
const answers = {
  start: async (request, { progress }) => {
    const loaded = await loadEngine(request, progress);
    ({ module: engineModule, stylizer } = loaded);
    pace = new Pace(stylizer);
    faceNetworks = new FaceNetworks(stylizer, request, loaded.int8);
    return { header: JSON.parse(stylizer.style_header), isLighter: loaded.isLighter };
  },
  open: (request) => openPhoto(request, engineModule),
  close: closePhoto,
  lend: lendPhoto,
  copy: copyPhoto,
  stylize,
  selfcheck: () => stylizer.known_answer_error(),
  estimate: ({ width, height }) => pace.estimate(width, height),
};
if (self.name !== THREAD_NAME) answerRequests(answers);

/**
 * @param {import("../shared/protocol.js").StylizeRequest} request
 * @param {import("../shared/answer_requests.js").Call} call
 * @returns {Promise<import("../shared/protocol.js").Stylized>}
 */
async function stylize(request, { progress, isCancelled, transfer }) {
  const { width, height, scale, ...photo } = findPhoto(request.photo);
  const rgba = await photo.rgba;
  if (isCancelled()) throw cancelled();
  progress("stylize", 0, 1);
  const bytes = new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  const onProgress = async (/** @type {number} */ share) => {
    progress("stylize", share, 1);
    await messagesHandled();
    return !isCancelled();
  };
  const { size: longSide, strength, sideBySide, faces } = request;
  const portraitFailed = await faceNetworks.prepare(faces, progress);
  if (isCancelled()) throw cancelled();
  const startedAt = performance.now();
  const picture = await stylizer.stylize(bytes, width, height, {
    longSide,
    strength,
    sideBySide,
    ...(faces ? { faces: { ...faces, landmarks: faces.landmarks.map((value) => value * scale) } } : {}),
    onProgress,
  });
  const { missing } = photo;
  const about = { width: picture.width, height: picture.height, outcomes: picture.outcomes, portraitFailed, missing };
  // What faces take besides is not known here, nor how wide a picture is beside its photo.
  if (!faces && !sideBySide) pace.learn(about.width, about.height, performance.now() - startedAt);
  const drawn = picture.take_rgba();
  picture.free();
  // A copy, outside of the module's memory.
  const buffer = /** @type {ArrayBuffer} */ (drawn.buffer);
  const pixels = new Uint8ClampedArray(buffer, drawn.byteOffset, drawn.byteLength);
  if (request.encode) return { blob: await encodePixels(new ImageData(pixels, about.width), request.encode), ...about };
  transfer.push(buffer);
  return { rgba: pixels, ...about };
}
