/**
 * Keeps the page, the package, and the engines and styles that were used, so that all works offline
 * from the second visit on; and adds the headers of cross-origin isolation, which shared memory, and
 * so threads, need, where the host cannot send them.
 *
 * `release.js`, which tools/dist.mjs writes, lists the release's files with their SHA-256. A file is kept
 * under its address and hash and only if it has that hash, so a new release fetches what has
 * changed, and an old one goes on undisturbed until the page is loaded again. What differs from the
 * list, as after a file was edited on the host, comes from the network and is not kept.
 */

/** @type {any} the lib "webworker" contradicts "dom" */
const worker = globalThis;

importScripts("release.js");
/** SHA-256 in hexadecimal of every file, by its path in the folder. @type {Map<string, string>} */
const files = new Map(Object.entries(worker.release));

/** @type {string} the folder's address, with a slash at its end */
const folder = worker.registration.scope;
const KEPT = `nijigen ${folder}`;
/** What the package keeps while no service worker is in charge, under the same keys. */
const KEPT_BY_PACKAGE = "nijigen-assets";

/** @param {string} path of a listed file @returns {string} what it is kept under */
const key = (path) => `${folder}${path}?sha256=${files.get(path)}`;

/**
 * Whether a file is kept from the start: all small text. Engines, detectors, styles and images are
 * kept as they are used.
 * @param {string} path
 */
function isShell(path) {
  if (/^nijigen\/faces\/|^nijigen\/wasm\/.*\.js$|bench/.test(path)) return false;
  return /\.(html|css|js|json|svg|webmanifest)$/.test(path);
}

worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(keepRelease()));
worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(Promise.all([removeOthers(), worker.clients.claim()]));
});
worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data === "activate") worker.skipWaiting();
  if (event.data?.keep) event.waitUntil(keepUsed(event.data.keep.map(pathOf)));
});
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  /** @type {Request} */
  const request = event.request;
  const path = pathOf(request.url);
  if (request.method === "POST" && path === "share") return event.respondWith(receiveShared(request));
  if (request.method !== "GET" || request.headers.has("Range")) return;
  const isIsolated = request.destination === "document" || request.destination === "worker";
  // The rest goes past the worker.
  if (!isIsolated && !files.has(path)) return;
  const answered = answer(event, path);
  event.respondWith(isIsolated ? answered.then(withHeaders) : answered);
});

/**
 * @param {string} url
 * @returns {string} path in the folder; empty for what is not there
 */
function pathOf(url) {
  const [address] = url.split(/[?#]/);
  if (!address.startsWith(folder)) return "";
  return address.slice(folder.length) || "index.html";
}

/** Keeps what every visit needs, and the new state of what this visitor has used. */
async function keepRelease() {
  await keepUsed([...files.keys()].filter(isShell));
}

/**
 * Keeps these, and the new state of what is kept already.
 * @param {string[]} paths
 */
async function keepUsed(paths) {
  const used = (await allKept()).map(({ request }) => pathOf(request.url));
  // The package keeps a module that came before this worker, but not the script beside it.
  const scripts = used.map((path) => path.replace(/_bg\.wasm$/, ".js"));
  await fetchMissing([...paths, ...used, ...scripts]);
}

/** All that is kept of this folder, whatever its release. */
async function allKept() {
  const found = [];
  for (const name of [KEPT, KEPT_BY_PACKAGE]) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      if (request.url.startsWith(folder)) found.push({ cache, request });
    }
  }
  return found;
}

/** @param {string[]} paths those that are not listed are passed over */
async function fetchMissing(paths) {
  const wanted = [...new Set(paths)].filter((path) => files.has(path));
  await Promise.all(
    wanted.map(async (path) => {
      if (await caches.match(key(path))) return;
      await keep(path, await fetch(folder + path, { cache: "no-cache" }));
    }),
  );
}

/**
 * Keeps the response if it is what the release lists.
 * @param {string} path of a listed file
 * @param {Response} response
 * @returns {Promise<boolean>} false if it is another file than the listed one; errors and parts of
 *   files are neither
 */
async function keep(path, response) {
  if (response.status !== 200 || response.type !== "basic") return true;
  const { headers } = response;
  const bytes = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (sha256 !== files.get(path)) {
    console.warn(`${path} is not kept: its SHA-256 is ${sha256}, expected ${files.get(path)}.`);
    return false;
  }
  const cache = await caches.open(KEPT);
  await cache.put(key(path), new Response(bytes, { headers }));
  return true;
}

/** Removes what belongs to other releases. */
async function removeOthers() {
  const wanted = new Set([...files.keys()].map(key));
  for (const { cache, request } of await allKept()) {
    if (!wanted.has(request.url)) await cache.delete(request);
  }
}

/**
 * @param {any} event
 * @param {string} path
 * @returns {Promise<Response>}
 */
async function answer(event, path) {
  /** @type {Request} */
  const request = event.request;
  if (!files.has(path)) return fetch(request);
  // A page that asks for a fresh copy has its reasons.
  const isReload = request.cache === "reload";
  const kept = isReload ? undefined : await findKept(path);
  if (kept) return kept;
  const asItIs = isReload || request.mode === "navigate";
  const response = await (asItIs ? fetch(request) : fetch(request, { cache: "no-cache" }));
  // The page gets its bytes as they arrive.
  const keeping = keep(path, response.clone()).then((isListed) => {
    // The host may have a new release.
    if (!isListed) return worker.registration.update();
  });
  event.waitUntil(keeping.catch(console.warn));
  return response;
}

/**
 * @param {string} path of a listed file
 * @returns {Promise<Response | undefined>} nothing, too, where the browser's storage fails
 */
async function findKept(path) {
  try {
    return await caches.match(key(path));
  } catch (thrown) {
    console.warn(thrown);
    return undefined;
  }
}

/** Cache for photos that another app shares, until the page takes them. */
const SHARED = "nijigen-shared";

/**
 * @param {Request} request a form with files
 * @returns {Promise<Response>}
 */
async function receiveShared(request) {
  const cache = await caches.open(SHARED);
  const photos = (await request.formData()).getAll("photos").filter((entry) => entry instanceof File);
  for (const [i, photo] of photos.entries()) {
    const headers = { "Content-Type": photo.type, "X-File-Name": encodeURIComponent(photo.name) };
    await cache.put(`${folder}shared/${i}`, new Response(photo, { headers }));
  }
  return Response.redirect(`${folder}?shared`, 303);
}

/** @param {Response} response */
function withHeaders(response) {
  // A redirect is followed by the browser, which then comes back.
  if (response.type === "opaqueredirect") return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
