/**
 * A service worker for hosts that cannot send the headers of cross-origin isolation, which shared
 * memory, and so threads, need: it adds them to documents and workers. Everything else goes past
 * it, so that the browser may keep what it has compiled.
 */

/** @type {any} the lib "webworker" contradicts "dom" */
const worker = globalThis;

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  /** @type {Request} */
  const request = event.request;
  if (request.destination !== "document" && request.destination !== "worker") return;
  event.respondWith(fetch(request).then(withHeaders));
});

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
