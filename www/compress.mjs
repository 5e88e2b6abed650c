/**
 * Writes FILE.br and FILE.gz beside the files of a folder that shrink by it, for static hosts that send such copies:
 * node www/compress.mjs FOLDER
 */

import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { constants, brotliCompressSync, gzipSync } from "node:zlib";

const COMPRESSIBLE = /\.(html|css|js|json|svg|wasm|webmanifest|md|txt)$/;
/** Larger files take minutes at the highest quality, and gain little. */
const LARGE_BYTES = 4e6;

/** @param {Buffer} bytes */
function brotli(bytes) {
  const quality = bytes.length > LARGE_BYTES ? 9 : 11;
  return brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
}

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node www/compress.mjs FOLDER");
  process.exit(2);
}
const sums = { files: 0, bytes: 0, br: 0, gz: 0 };
for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !COMPRESSIBLE.test(entry.name)) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const bytes = await readFile(path);
  const [br, gz] = [brotli(bytes), gzipSync(bytes, { level: 9 })];
  await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz)]);
  sums.files += 1;
  sums.bytes += bytes.length;
  sums.br += br.length;
  sums.gz += gz.length;
}
console.log(`${sums.files} files: ${sums.bytes} bytes, ${sums.br} with Brotli, ${sums.gz} with gzip`);
