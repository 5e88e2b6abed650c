/** The photos that are open: each is decoded once, and its pixels stay here until it is closed. */

import { NijigenError } from "../shared/errors.js";
import { decode } from "./decode.js";

/** @typedef {import("../shared/protocol.js").PhotoHandle} PhotoHandle */
/** @typedef {import("../shared/protocol.js").Pixels} Pixels */

/**
 * @typedef {PhotoHandle & {rgba: Promise<Pixels["rgba"]>}} Photo whose pixels come when they are back from whom they
 *   were lent to
 */

/** @type {Map<number, Photo>} */
const open = new Map();

/**
 * @param {import("../shared/protocol.js").OpenRequest} request
 * @param {import("./decode.js").Reader} reader
 * @returns {Promise<PhotoHandle>}
 * @throws {NijigenError} for what is no photo, or none that can be handled
 */
export async function openPhoto({ photo, content }, reader) {
  const { rgba, ...size } = content instanceof Blob ? await decode(content, reader) : { ...content, scale: 1 };
  const handle = { photo, ...size };
  open.set(photo, { ...handle, rgba: Promise.resolve(rgba) });
  return handle;
}

/** @param {import("../shared/protocol.js").PhotoRequest} request */
export function closePhoto({ photo }) {
  open.delete(photo);
}

/**
 * @param {number} id
 * @returns {Photo}
 */
export function findPhoto(id) {
  const photo = open.get(id);
  if (!photo) throw new NijigenError("engine-failed", `There is no open photo ${id}.`);
  return photo;
}

/**
 * Sends a photo's pixels through the port; they come back by it.
 * @param {import("../shared/protocol.js").LendRequest} request
 */
export async function lendPhoto({ photo: id, port }) {
  const photo = findPhoto(id);
  const { width, height } = photo;
  const rgba = await photo.rgba;
  photo.rgba = new Promise((resolve) => {
    port.onmessage = ({ data }) => {
      port.close();
      resolve(data);
    };
  });
  /** @type {Pixels} */
  const pixels = { rgba, width, height };
  port.postMessage(pixels, [rgba.buffer]);
}

/**
 * @param {import("../shared/protocol.js").PhotoRequest} request
 * @param {import("../shared/answer_requests.js").Call} call
 * @returns {Promise<Pixels>}
 */
export async function copyPhoto({ photo: id }, { transfer }) {
  const { width, height, rgba } = findPhoto(id);
  const copy = (await rgba).slice();
  transfer.push(copy.buffer);
  return { rgba: copy, width, height };
}
