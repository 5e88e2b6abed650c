/** How many pixels a photo has, by its first bytes, before anything of it is decoded. */

/** Embedded thumbnails and colour profiles may come before a JPEG's size. */
const HEAD_BYTES = 256 * 1024;

/**
 * @param {Blob} photo
 * @returns {Promise<number | undefined>} of PNG and JPEG files; nothing where it is not to be seen
 */
export async function countPixels(photo) {
  const view = new DataView(await photo.slice(0, HEAD_BYTES).arrayBuffer());
  if (view.byteLength < 24) return undefined;
  if (view.getUint32(0) === 0x89504e47) return view.getUint32(16) * view.getUint32(20);
  if (view.getUint16(0) !== 0xffd8) return undefined;
  // Segments of a marker and a length each, until a frame's header.
  for (let at = 2; at + 9 <= view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker < 0xff01) return undefined;
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return view.getUint16(at + 5) * view.getUint16(at + 7);
  }
  return undefined;
}
