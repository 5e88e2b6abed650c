/** Writes PNG files, without a canvas: of any size, and with the very pixels that were given. */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Rows are compressed about so many bytes at a time. */
const BATCH_BYTES = 1 << 18;
/** "Up": each row as its difference from the one above it. */
const FILTER_UP = 2;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** Whether this browser can: Firefox can from 113 on, Safari from 16.4. */
export const canWritePng = () => typeof CompressionStream === "function";

/**
 * @param {ImageData} image
 * @returns {Promise<Blob>}
 */
export async function writePng({ data, width, height }) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  // 8 bits, RGBA.
  header.setUint16(8, 0x0806);
  const stream = new CompressionStream("deflate");
  const [compressed] = await Promise.all([
    new Response(stream.readable).arrayBuffer(),
    writeRows(stream.writable.getWriter(), data, 4 * width, height),
  ]);
  const parts = [
    new Uint8Array(SIGNATURE),
    chunk("IHDR", new Uint8Array(header.buffer)),
    // The colours are those of sRGB, to be rendered perceptually.
    chunk("sRGB", new Uint8Array(1)),
    chunk("IDAT", new Uint8Array(compressed)),
    chunk("IEND", new Uint8Array(0)),
  ];
  return new Blob(parts, { type: "image/png" });
}

/**
 * @param {WritableStreamDefaultWriter<BufferSource>} writer
 * @param {Uint8ClampedArray} rgba
 * @param {number} rowBytes
 * @param {number} height
 */
async function writeRows(writer, rgba, rowBytes, height) {
  const rowsAtOnce = Math.max(1, Math.floor(BATCH_BYTES / (rowBytes + 1)));
  for (let first = 0; first < height; first += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, height - first);
    const batch = new Uint8Array(rows * (rowBytes + 1));
    for (let row = 0; row < rows; row++) {
      const [from, to] = [(first + row) * rowBytes, row * (rowBytes + 1)];
      batch[to] = FILTER_UP;
      const isTop = from === 0;
      for (let i = 0; i < rowBytes; i++) batch[to + 1 + i] = rgba[from + i] - (isTop ? 0 : rgba[from + i - rowBytes]);
    }
    await writer.write(batch);
  }
  await writer.close();
}

/**
 * @param {string} type
 * @param {Uint8Array} content
 * @returns {Uint8Array<ArrayBuffer>}
 */
function chunk(type, content) {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set([...type].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc(bytes.subarray(4, 8 + content.length)));
  return bytes;
}

/** @param {Uint8Array} bytes */
function crc(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return ~crc;
}
