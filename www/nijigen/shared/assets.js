/**
 * Files that are known by their SHA-256: engines, styles and the face detector's. Those that have it are kept in the
 * browser's Cache storage, and never asked of the network again.
 */

import { NijigenError } from "./errors.js";

/** Copies of other releases of a file are deleted when a new one is stored. */
const CACHE_NAME = "nijigen-assets";

/**
 * @typedef {object} Asset
 * @property {string} url
 * @property {number} [bytes] its size
 * @property {string} [sha256] lower-case hexadecimal; empty or none: not known, and not kept
 */

/**
 * @typedef {object} FetchOptions
 * @property {boolean} [keep] whether Cache storage may be used
 * @property {RequestCache} [cache] for the network
 * @property {(received: number) => void} [onProgress] bytes
 * @property {AbortSignal} [signal]
 */

/**
 * Begins to fetch a file.
 * @param {Asset} asset
 * @param {FetchOptions} [options]
 * @returns {Promise<{response: Response, bytes: Promise<Uint8Array<ArrayBuffer>>}>} the answer as it arrives,
 *   unchecked, and the whole file, which is kept if it has the asset's hash
 * @throws {Error} if it cannot be had
 */
export async function fetchAsset(asset, { keep = false, cache, onProgress = () => {}, signal } = {}) {
  const store = keep && asset.sha256 ? await openStore() : undefined;
  // What was asked to come fresh has proved to be wrong.
  const stored = cache === "reload" ? undefined : await store?.match(key(asset)).catch(() => undefined);
  const response = stored ?? (await fetch(asset.url, { cache, signal }));
  if (!response.ok || !response.body) throw new Error(`${asset.url}: status ${response.status}`);
  // A copy is counted, so that the browser can compile the original while it arrives, and cache
  // what it compiled.
  const bytes = read(response.clone(), onProgress).then(async (bytes) => {
    if (store && !stored && (await hasHash(bytes, asset))) await put(store, asset, bytes);
    return bytes;
  });
  // Whoever does not need the bytes hears of the failure by the answer.
  bytes.catch(() => {});
  return { response, bytes };
}

/**
 * A whole file that has the asset's hash. A cache may hold that of another release: then it is fetched again.
 * @param {Asset} asset
 * @param {boolean} keep whether Cache storage may be used
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {Error} if it cannot be had, or not with that hash
 */
export async function fetchIntact(asset, keep) {
  for (const cache of /** @type {const} */ (["default", "reload"])) {
    const bytes = await (await fetchAsset(asset, { keep, cache })).bytes;
    if (await hasHash(bytes, asset)) return bytes;
  }
  throw new Error(wrongHash(asset));
}

/** @param {Asset} asset @returns {string} what to say of a file that has not its hash */
export function wrongHash({ url, sha256 }) {
  return `${url} has not the SHA-256 that is listed, ${sha256}.`;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Asset} asset
 * @returns {Promise<boolean>} false if the hash is known and another one; a page without a secure
 *   connection cannot compute it
 */
export async function hasHash(bytes, { sha256 }) {
  if (!sha256 || !globalThis.crypto?.subtle) return true;
  return (await hash(bytes)) === sha256;
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function hash(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {Response} response
 * @param {(received: number) => void} onProgress
 */
async function read(response, onProgress) {
  const chunks = [];
  let received = 0;
  const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    onProgress((received += value.length));
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Private windows and sandboxed frames have no Cache storage. */
async function openStore() {
  try {
    return await globalThis.caches?.open(CACHE_NAME);
  } catch {
    return undefined;
  }
}

/** @param {Asset} asset */
function key({ url, sha256 }) {
  const key = new URL(url);
  key.search = `sha256=${sha256}`;
  return key.href;
}

/**
 * @param {Cache} store
 * @param {Asset} asset
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function put(store, asset, bytes) {
  const type = asset.url.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
  try {
    await store.delete(key(asset), { ignoreSearch: true });
    await store.put(key(asset), new Response(bytes, { headers: { "Content-Type": type } }));
  } catch {
    // A full disk costs the copy, not the picture.
  }
}

/**
 * Fetches a list of files: JSON of version 1.
 * @param {string | URL} url
 * @param {string} what is listed, in words
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {NijigenError} with code "load-failed"
 */
export async function fetchList(url, what, signal) {
  let why;
  try {
    const response = await fetch(url, { signal });
    if (response.ok) {
      const list = await response.json();
      if (list.version === 1) return list;
      why = `version ${list.version}, expected 1`;
    } else {
      why = `status ${response.status}`;
    }
  } catch (thrown) {
    why = thrown instanceof Error ? thrown.message : thrown;
  }
  throw new NijigenError("load-failed", `The list of ${what} ${url} could not be loaded (${why}).`);
}

/**
 * What is known of a folder's files, by `tools/dist.mjs`. Scripts are not listed: browsers load them by themselves, and let
 * nobody look at them before they run.
 * @param {string} folder its address, with a slash at its end
 * @param {AbortSignal} [signal]
 * @returns {Promise<Record<string, {bytes: number, sha256: string}>>} by their paths in the folder
 * @throws {NijigenError} with code "load-failed"
 */
export async function listFiles(folder, signal) {
  return (await fetchList(`${folder}manifest.json`, "files", signal)).files;
}
