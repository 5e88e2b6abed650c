/** Photo files as bitmaps. */

const END_OF_JPEG = new Uint8Array([0xff, 0xd9]);

/**
 * Opens a photo, whatever its file's type says. One that ends early gets an end: browsers refuse it without one, and leave
 * gray where rows are missing.
 * @param {Blob} file
 * @param {ImageBitmapOptions} [options]
 */
export function photoBitmap(file, options = {}) {
  return createImageBitmap(new Blob([file]), options).catch(() => createImageBitmap(new Blob([file, END_OF_JPEG]), options));
}
