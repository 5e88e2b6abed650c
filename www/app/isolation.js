/** Threads on hosts that cannot send headers: see `../isolation_worker.js`. */

/**
 * Installs the service worker where it is of use, and loads the page again under its headers. That
 * happens at the first visit only, in a moment, and not if the visitor was faster.
 * @param {() => boolean} isUntouched whether the visitor has done nothing yet
 */
export async function isolate(isUntouched) {
  const { serviceWorker } = navigator;
  // Without a secure origin there is no service worker, and no isolation either.
  if (crossOriginIsolated || !serviceWorker || serviceWorker.controller) return;
  await serviceWorker.register(new URL("../isolation_worker.js", import.meta.url));
  await serviceWorker.ready;
  const [navigation] = performance.getEntriesByType("navigation");
  const wasReloaded = /** @type {PerformanceNavigationTiming} */ (navigation).type === "reload";
  if (!wasReloaded && isUntouched()) location.reload();
}
