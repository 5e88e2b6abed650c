/** All pictures as one zip file, written as they are encoded, one at a time. */

import { uniquePaths } from "./file_names.js";
import { makeFile, save } from "./output.js";

/** @typedef {import("./album.js").Item} Item */

/**
 * Saves a zip: straight into a file that the visitor chooses where the browser can, else as a download.
 * @param {Item[]} items finished ones
 * @param {import("./output.js").Output} output
 * @param {(done: number) => void} onProgress files that are packed
 * @returns {Promise<void>}
 */
export async function saveZip(items, output, onProgress) {
  const name = "nijigen.zip";
  // Asked before anything else: the visitor's click does not count for long.
  const target = await chooseTarget(name);
  if (target === "none") return;
  // client-zip, which tools/dist.mjs puts there.
  const { makeZip } = await import(new URL("../vendor/client-zip.js", import.meta.url).href);
  const zip = makeZip(makeEntries(items, output, onProgress));
  if (target) await zip.pipeTo(await target.createWritable());
  else save(await new Response(zip, { headers: { "Content-Type": "application/zip" } }).blob(), name);
}

/**
 * @param {string} suggestedName
 * @returns {Promise<FileSystemFileHandle | "none" | undefined>} "none" if the visitor wants none
 */
async function chooseTarget(suggestedName) {
  /** @type {any} in Chromium */
  const { showSaveFilePicker } = globalThis;
  if (!showSaveFilePicker) return undefined;
  try {
    return await showSaveFilePicker({ suggestedName });
  } catch (thrown) {
    const isRefused = thrown instanceof DOMException && thrown.name === "AbortError";
    return isRefused ? "none" : undefined;
  }
}

/**
 * @param {Item[]} items
 * @param {import("./output.js").Output} output
 * @param {(done: number) => void} onProgress
 * @returns {AsyncGenerator<{name: string, input: File}>}
 */
async function* makeEntries(items, output, onProgress) {
  const unique = uniquePaths();
  for (const [i, item] of items.entries()) {
    const input = await makeFile(item, output);
    yield { name: unique(input.name), input };
    onProgress(i + 1);
  }
}
