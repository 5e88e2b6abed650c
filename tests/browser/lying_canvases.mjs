/** Browsers whose canvases lie, for pages and workers: scripts that change this one's. */

/** @typedef {"OffscreenCanvas" | "HTMLCanvasElement"} CanvasName */

/**
 * A canvas for which `beyond(width, height)` is true keeps nothing: it is transparent, or throws.
 * @param {string} beyond an expression of width and height
 * @param {boolean} [throws]
 */
export const limited = (beyond, throws = false) => `{
  const isBeyond = ({ width, height }) => ${beyond};
  const wrap = (owner, name, canvasOf, instead) => {
    const original = owner?.prototype[name];
    if (!original) return;
    owner.prototype[name] = function (...values) {
      if (!isBeyond(canvasOf(this))) return original.apply(this, values);
      if (${throws}) throw new DOMException("too large", "InvalidStateError");
      return instead(...values);
    };
  };
  const { OffscreenCanvasRenderingContext2D: Offscreen, CanvasRenderingContext2D: Shown } = globalThis;
  for (const owner of [Offscreen, Shown]) {
    const canvasOf = ({ canvas }) => canvas;
    for (const name of ["drawImage", "putImageData", "fillRect"]) wrap(owner, name, canvasOf, () => {});
    wrap(owner, "getImageData", canvasOf, (x, y, width, height) => new ImageData(width, height));
  }
  const itself = (canvas) => canvas;
  const blank = new OffscreenCanvas(1, 1);
  blank.getContext("2d");
  const encode = blank.convertToBlob.bind(blank);
  wrap(globalThis.OffscreenCanvas, "convertToBlob", itself, encode);
  wrap(globalThis.HTMLCanvasElement, "toBlob", itself, (hear, type, quality) => encode({ type, quality }).then(hear));
}`;

/**
 * Bitmaps beyond a limit are transparent, or cannot be made.
 * @param {number} pixels
 * @param {boolean} throws
 */
export const limitedBitmaps = (pixels, throws) => `{
  const { createImageBitmap: original } = globalThis;
  globalThis.createImageBitmap = async (...values) => {
    const bitmap = await original(...values);
    if (bitmap.width * bitmap.height <= ${pixels}) return bitmap;
    if (${throws}) throw new DOMException("too large", "InvalidStateError");
    return original(new ImageData(bitmap.width, bitmap.height));
  };
}`;

/**
 * What is read of a canvas is changed by up to so many levels of 255, in its pixels and in its files.
 * @param {number} levels
 */
export const noisy = (levels) => `{
  const change = (image) => {
    let state = 1;
    for (let i = 0; i < image.data.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      const noise = (state >> 16) % (2 * ${levels} + 1) - ${levels};
      image.data[i] = ${levels} > 127 ? noise : image.data[i] + (i % 4 === 3 ? 0 : noise);
    }
    return image;
  };
  const { OffscreenCanvasRenderingContext2D: Offscreen, CanvasRenderingContext2D: Shown } = globalThis;
  for (const owner of [Offscreen, Shown]) {
    if (!owner) continue;
    const original = owner.prototype.getImageData;
    owner.prototype.getImageData = function (...values) {
      return change(original.apply(this, values));
    };
  }
  const { convertToBlob } = OffscreenCanvas.prototype;
  OffscreenCanvas.prototype.convertToBlob = function (format) {
    const context = this.getContext("2d");
    context.putImageData(context.getImageData(0, 0, this.width, this.height), 0, 0);
    return convertToBlob.call(this, format);
  };
}`;

/** Pixels of canvases may not be read at all. */
export const FORBIDDEN = `{
  const refuse = () => {
    throw new DOMException("blocked", "SecurityError");
  };
  OffscreenCanvasRenderingContext2D.prototype.getImageData = refuse;
  OffscreenCanvas.prototype.convertToBlob = refuse;
}`;

/** Files that a canvas makes are noise, though its pixels are not. */
export const NOISY_FILES = `{
  const { convertToBlob } = OffscreenCanvas.prototype;
  OffscreenCanvas.prototype.convertToBlob = function (format) {
    const context = this.getContext("2d");
    for (let i = 0; i < 100; i++) {
      context.fillStyle = "hsl(" + 77 * i + " 90% 50%)";
      context.fillRect((13 * i) % this.width, (29 * i) % this.height, this.width / 4, this.height / 4);
    }
    return convertToBlob.call(this, format);
  };
}`;

/** There is no WebCodecs. */
export const NO_FRAMES = `delete globalThis.VideoFrame;`;
