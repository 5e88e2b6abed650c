/** What is made of a finished picture: its file, to be saved, shared or copied. */

import { encodePixels, mixPixels, readPixels } from "../nijigen/index.js";
import { element } from "./dom.js";
import { pathWithEnding } from "./file_names.js";
import { splitPair } from "./layers.js";
import { photoBitmap } from "./photo_bitmap.js";

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
  return new File([blob], pathWithEnding(item.name, `-anime.${extension}`), { type: blob.type });
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
  const [photo, picture] = await Promise.all((await openBoth(item, blob)).map(readAndClose));
  const mixed = strength < 1 ? mixPixels(photo, picture, strength) : picture;
  return encodePixels(isSideBySide ? beside(photo, mixed) : mixed, { type: `image/${format}`, quality });
}

/**
 * @param {Item} item
 * @param {Blob} blob its picture's file
 * @returns {Promise<ImageBitmap[]>} photo and picture, of the same size
 */
async function openBoth(item, blob) {
  const picture = await createImageBitmap(blob);
  if (item.isPair) return splitPair(picture);
  const photo = await photoBitmap(item.photo, {
    imageOrientation: "from-image",
    resizeWidth: picture.width,
    resizeHeight: picture.height,
    resizeQuality: "high",
  });
  return [photo, picture];
}

/** @param {ImageBitmap} bitmap @returns {Promise<ImageData>} */
async function readAndClose(bitmap) {
  const read = await readPixels(bitmap);
  bitmap.close();
  return read;
}

/** @param {ImageData} left @param {ImageData} right of the same size */
function beside(left, right) {
  const { width, height } = left;
  const both = new ImageData(2 * width, height);
  for (let y = 0; y < height; y++) {
    const [start, end] = [4 * width * y, 4 * width * (y + 1)];
    both.data.set(left.data.subarray(start, end), 2 * start);
    both.data.set(right.data.subarray(start, end), 2 * start + 4 * width);
  }
  return both;
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
