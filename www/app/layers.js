/** Photo and picture of an item as pixels that lie on each other, and what is mixed of them. */

/** @typedef {import("./album.js").Item} Item */

/**
 * @typedef {object} Layers
 * @property {ImageBitmap} photo of any size, with the picture's ratio
 * @property {ImageBitmap} picture
 */

/** Longest side at which a photo is shown, in pixels; what is saved is mixed at the picture's size. */
const SHOWN_PX = 2048;

/**
 * The photo, upright, to be shown.
 * @param {Blob} photo that an engine has accepted
 * @returns {Promise<{bitmap: ImageBitmap, width: number, height: number}>} with the photo's own size
 */
export async function openPhoto(photo) {
  const full = await createImageBitmap(new Blob([photo]), { imageOrientation: "from-image" });
  const { width, height } = full;
  const shrink = SHOWN_PX / Math.max(width, height);
  if (shrink >= 1) return { bitmap: full, width, height };
  const bitmap = await createImageBitmap(full, {
    resizeWidth: Math.max(1, Math.round(width * shrink)),
    resizeHeight: Math.max(1, Math.round(height * shrink)),
    resizeQuality: "high",
  });
  full.close();
  return { bitmap, width, height };
}

/**
 * @param {Item} item with a picture
 * @param {ImageBitmap} photo of the item
 * @returns {Promise<Layers>}
 */
export async function openLayers({ picture, isPair }, photo) {
  const blob = /** @type {Blob} */ (picture?.blob);
  const whole = await createImageBitmap(blob);
  if (!isPair) return { photo, picture: whole };
  const { width, height } = whole;
  const half = width / 2;
  const [left, right] = await Promise.all([0, half].map((x) => createImageBitmap(whole, x, 0, half, height)));
  whole.close();
  return { photo: left, picture: right };
}

/**
 * Draws the picture over the photo.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {Layers} layers
 * @param {number} strength share of the picture, 0 to 1
 * @param {number} [x] where to draw, in pixels
 */
export function mix(context, { photo, picture }, strength, x = 0) {
  const { width, height } = picture;
  context.imageSmoothingQuality = "high";
  if (strength < 1) context.drawImage(photo, x, 0, width, height);
  context.globalAlpha = strength;
  context.drawImage(picture, x, 0);
  context.globalAlpha = 1;
}
