/** Photo and picture of an item, as they lie on each other on the stage. */

import { photoBitmap } from "./photo_bitmap.js";
import { countPixels } from "./photo_header.js";

/** @typedef {import("./album.js").Item} Item */

/**
 * @typedef {object} Layers
 * @property {ImageBitmap} photo of any size, with the picture's ratio
 * @property {ImageBitmap} picture
 */

/** Longest side at which photo and picture are shown, in pixels: every browser has canvases of this size. */
const SHOWN_PX = 2048;

/**
 * The photo, upright, to be shown.
 * @param {Blob} photo that an engine has accepted
 * @returns {Promise<{bitmap: ImageBitmap, width: number, height: number}>} with the photo's own size
 */
export async function openPhoto(photo) {
  const bitmap = await openWholeOrSmaller(photo);
  const { width, height } = bitmap;
  // Of one that is smaller, the header knows the size.
  const enlarged = Math.sqrt(((await countPixels(photo)) ?? width * height) / (width * height));
  return { bitmap: await limit(bitmap), width: width * enlarged, height: height * enlarged };
}

/**
 * @param {Item} item with a picture
 * @param {ImageBitmap} photo of the item
 * @returns {Promise<Layers>}
 */
export async function openLayers({ picture, isPair }, photo) {
  const whole = await openWholeOrSmaller(/** @type {Blob} */ (picture?.blob));
  if (!isPair) return { photo, picture: await limit(whole) };
  const [left, right] = await splitPair(whole);
  return { photo: left, picture: right };
}

/**
 * The photo and the picture of a pair.
 * @param {ImageBitmap} pair closed when they are there
 * @returns {Promise<ImageBitmap[]>}
 */
export async function splitPair(pair) {
  const width = pair.width / 2;
  const halves = await Promise.all([0, width].map((x) => createImageBitmap(pair, x, 0, width, pair.height)));
  pair.close();
  return halves;
}

/** @param {Blob} file of a photo or picture, which some browsers cannot hold as a whole */
function openWholeOrSmaller(file) {
  const options = /** @type {const} */ ({ imageOrientation: "from-image", resizeQuality: "high" });
  return photoBitmap(file, options).catch(() => photoBitmap(file, { ...options, resizeWidth: SHOWN_PX }));
}

/** @param {ImageBitmap} bitmap @returns {Promise<ImageBitmap>} the same, or in its place one that can be shown */
async function limit(bitmap) {
  const { width, height } = bitmap;
  const shrink = SHOWN_PX / Math.max(width, height);
  if (shrink >= 1) return bitmap;
  const smaller = await createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(width * shrink)),
    resizeHeight: Math.max(1, Math.round(height * shrink)),
    resizeQuality: "high",
  });
  bitmap.close();
  return smaller;
}

/**
 * Draws the photo's colours, moved towards the picture's.
 * @param {CanvasRenderingContext2D} context of a blank canvas of the picture's size
 * @param {Layers} layers
 * @param {number} strength share of the picture, 0 to 1
 */
export function mix(context, { photo, picture }, strength) {
  context.imageSmoothingQuality = "high";
  context.globalAlpha = 1 - strength;
  if (strength < 1) context.drawImage(photo, 0, 0, picture.width, picture.height);
  // Their sum: laid over the photo, a half-transparent picture would be less transparent than either.
  context.globalCompositeOperation = "lighter";
  context.globalAlpha = strength;
  context.drawImage(picture, 0, 0);
}
