/** A host that sends no headers: a service worker brings isolation, and with it threads. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { convert, fixture } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser({ isolated: false, serviceWorker: true });

test("the first visit ends up isolated, and its worker starts the threads' module", async () => {
  const { page, url, requests, complaints } = browser;
  await page.goto(url);
  await page.waitForFunction(() => crossOriginIsolated);
  await page.waitForSelector("#samples button");
  assert.ok("status" in (await convert(page, fixture("astronaut-64.png"))));
  const modules = requests.filter((request) => request.endsWith("nijigen_bg.wasm"));
  assert.match(modules.at(-1) ?? "", /-threads\/|\/gpu\//);
  assert.deepEqual(complaints, []);
});

test("the next visit is isolated from the start", async () => {
  const { page, url } = browser;
  await page.goto(url);
  await page.waitForSelector("#samples button");
  const made = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation");
    const { type } = /** @type {PerformanceNavigationTiming} */ (navigation);
    return { type, crossOriginIsolated };
  });
  assert.deepEqual(made, { type: "navigate", crossOriginIsolated: true });
});
