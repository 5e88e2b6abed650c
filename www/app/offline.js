/** The page's end of `../service_worker.js`: offline use, threads, new releases, shared photos. */

/** A service worker that is not there after this time is not waited for: the network is slow. */
const PATIENCE_MS = 10_000;

/** How often a release is looked for that has the modules which are still being built. */
const GROWING_MS = 10_000;

/**
 * Installs the service worker. It keeps what is loaded from then on, and adds the headers that
 * threads need. Where they were missing, the page is loaded again under them: at the first visit
 * only, in a moment, and not if the visitor was faster.
 * @param {object} options
 * @param {(reload: () => void) => void} options.onUpdate a new release is on this device; `reload`
 *   loads the page again with it, at once: save what must be saved first
 * @param {() => boolean} options.isUntouched whether the visitor has done nothing yet
 * @returns {Promise<void>} when an engine may be loaded: what comes now is kept for offline use, or
 *   there is nothing to wait for; after 10 s at the latest. Never rejects. Stays pending where the
 *   page loads again.
 */
export async function startOffline({ onUpdate, isUntouched }) {
  try {
    const { serviceWorker } = navigator;
    // There is none without a secure origin; a sandboxed frame throws.
    if (!serviceWorker) return;
    const isFirst = !serviceWorker.controller;
    const controlled = new Promise((resolve) => {
      serviceWorker.addEventListener("controllerchange", resolve, { once: true });
    });
    const address = new URL("../service_worker.js", import.meta.url);
    const registration = await serviceWorker.register(address, { updateViaCache: "none" });
    // One that is active and does not control is passed over on purpose: a forced reload.
    if (isFirst && registration.active?.state === "activated") return;
    if (!isFirst) return offerUpdates(registration, onUpdate);
    const ready = controlled.then(() => {
      keepWhatIsLoaded();
      offerUpdates(registration, onUpdate);
      return reloadForThreads(isUntouched);
    });
    await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  } catch (thrown) {
    // Costs offline use and perhaps threads, not the page.
    console.warn("The service worker could not be installed.", thrown);
  }
}

/** Names the page's own files to the worker, which was not there when they were loaded. */
function keepWhatIsLoaded() {
  const keep = performance.getEntriesByType("resource").map(({ name }) => name);
  navigator.serviceWorker.controller?.postMessage({ keep });
}

/** @param {() => boolean} isUntouched */
async function reloadForThreads(isUntouched) {
  const [navigation] = performance.getEntriesByType("navigation");
  const wasReloaded = /** @type {PerformanceNavigationTiming} */ (navigation).type === "reload";
  if (crossOriginIsolated || wasReloaded || !isUntouched()) return;
  location.reload();
  await new Promise(() => {});
}

/**
 * @param {ServiceWorkerRegistration} registration
 * @param {(reload: () => void) => void} onUpdate
 */
function offerUpdates(registration, onUpdate) {
  const { serviceWorker } = navigator;
  let isAsked = false;
  serviceWorker.addEventListener("controllerchange", () => {
    // Another tab may have asked for it.
    if (isAsked) location.reload();
    else onUpdate(() => location.reload());
  });
  /** @param {ServiceWorker} waiting */
  const offer = (waiting) =>
    onUpdate(() => {
      isAsked = true;
      waiting.postMessage("activate");
    });
  const watch = (/** @type {ServiceWorker | null} */ installing) => {
    installing?.addEventListener("statechange", () => {
      if (installing.state === "installed") offer(installing);
    });
  };
  if (registration.waiting) offer(registration.waiting);
  watch(registration.installing);
  registration.addEventListener("updatefound", () => watch(registration.installing));
  // Only build.sh's own server has such a page, see tools/dist.mjs.
  if ("growing" in document.documentElement.dataset) setInterval(() => void registration.update().catch(() => {}), GROWING_MS);
}

/** Cache in which the service worker puts photos that another app shares. */
const SHARED = "nijigen-shared";

/**
 * Hands over photos that another app has shared with the installed page, or that were opened with
 * it, now and later.
 * @param {(files: File[]) => void} take called with at least one file
 */
export async function receivePhotos(take) {
  /** @type {any} of installed pages, in Chromium */ (globalThis).launchQueue?.setConsumer(
    async (/** @type {{files: FileSystemFileHandle[]}} */ { files }) => {
      if (files.length) take(await Promise.all(files.map((handle) => handle.getFile())));
    },
  );
  if (!new URLSearchParams(location.search).has("shared") || !globalThis.caches) return;
  // A reload must not bring them again.
  history.replaceState(null, "", location.pathname);
  const cache = await caches.open(SHARED);
  const files = [];
  for (const request of await cache.keys()) {
    const response = await cache.match(request);
    if (!response) continue;
    const name = decodeURIComponent(response.headers.get("X-File-Name") ?? "photo");
    files.push(new File([await response.blob()], name, { type: response.headers.get("Content-Type") ?? "" }));
  }
  await caches.delete(SHARED);
  if (files.length) take(files);
}
