/** What is made of a finished picture: its file, to be saved, shared or copied. */

import { element } from "./dom.js";
import { mix, openLayers, openPhoto } from "./layers.js";

/** @typedef {import("./album.js").Item} Item */

/**
 * What is chosen for files; nothing of it needs another conversion.
 * @typedef {object} Output
 * @property {number} strength share of the picture in a mix with the photo, 0 to 1
 * @property {"png" | "jpeg" | "webp"} format
 * @property {number} quality of JPEG and WebP, 0 to 1
 * @property {boolean} isSideBySide the photo beside the picture
 */

const EXTENSIONS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" };

/**
 * Keeps the controls together.
 * @param {() => void} onChange what is chosen has changed
 * @returns {() => Output}
 */
export function startOutput(onChange) {
  const strength = element("strength", HTMLInputElement);
  const format = element("format", HTMLSelectElement);
  const quality = element("quality", HTMLInputElement);
  const sideBySide = element("side-by-side", HTMLInputElement);
  const show = () => {
    element("strength-value", HTMLOutputElement).value = `${strength.value} %`;
    element("quality-value", HTMLOutputElement).value = quality.value;
    element("quality-label", HTMLElement).hidden = format.value === "png";
  };
  for (const control of [strength, format, quality, sideBySide]) {
    control.addEventListener("input", () => {
      show();
      onChange();
    });
  }
  show();
  return () => ({
    strength: Number(strength.value) / 100,
    format: /** @type {Output["format"]} */ (format.value),
    quality: Number(quality.value) / 100,
    isSideBySide: sideBySide.checked,
  });
}

/**
 * The file of a finished picture. It holds pixels only, nothing of the photo's metadata.
 * @param {Item} item
 * @param {Output} output
 * @returns {Promise<File>} a PNG where the browser cannot write the format
 */
export async function makeFile(item, output) {
  const blob = await encode(item, output);
  const extension = EXTENSIONS[/** @type {keyof typeof EXTENSIONS} */ (blob.type)] ?? "png";
  const name = `${item.name.replace(/\.[^./]*$/, "") || "photo"}-anime.${extension}`;
  return new File([blob], name, { type: blob.type });
}

/**
 * @param {Item} item
 * @param {Output} output
 * @returns {Promise<Blob>}
 */
async function encode(item, { strength, format, quality, isSideBySide }) {
  const { blob } = /** @type {{blob: Blob}} */ (item.picture);
  const isAsItIs = strength === 1 && format === "png" && isSideBySide === Boolean(item.isPair);
  if (isAsItIs) return blob;
  const { bitmap } = await openPhoto(item.photo);
  const layers = await openLayers(item, bitmap);
  const { width, height } = layers.picture;
  const x = isSideBySide ? width : 0;
  const canvas = new OffscreenCanvas(x + width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (format === "jpeg") {
    // It has no transparency.
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, height);
  }
  if (isSideBySide) mix(context, layers, 0);
  mix(context, layers, strength, x);
  for (const layer of [bitmap, layers.photo, layers.picture]) layer.close();
  return canvas.convertToBlob({ type: `image/${format}`, quality });
}

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has begun by then; the file must not be held for ever.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Whether this browser shares pictures. */
export function canShare() {
  const probe = new File([], "picture.png", { type: "image/png" });
  return navigator.canShare?.({ files: [probe] }) ?? false;
}
