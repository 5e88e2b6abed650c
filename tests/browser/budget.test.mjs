/** What the page downloads, compressed by Brotli as a static host would, and from where. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import { DIST, convert, fixture } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

/** HTML, CSS and JavaScript up to the first paint. */
const PAGE_LIMIT_BYTES = 50_000;
/** All that is downloaded up to the first picture on the CPU, and for offline use. */
const PICTURE_LIMIT_BYTES = 3_000_000;
/** The same with the detector of faces and the network that draws them. */
const FACES_LIMIT_BYTES = 9_000_000;

const browser = freshBrowser({ serviceWorker: true });

/**
 * What the files weigh on the way.
 * @param {Iterable<string>} urls
 * @returns {{path: string, bytes: number}[]} each file once, the largest first
 */
function weigh(urls) {
  const paths = [...urls].filter((url) => url.startsWith(browser.url)).map((url) => {
    const [path] = url.slice(browser.url.length).split("?");
    return path || "index.html";
  });
  return [...new Set(paths)]
    .map((path) => {
      const content = readFileSync(join(DIST, path));
      const isCompressed = /\.(html|css|js|json|svg|wasm|webmanifest|md|txt)$/.test(path);
      return { path, bytes: (isCompressed ? brotliCompressSync(content) : content).length };
    })
    .sort((a, b) => b.bytes - a.bytes);
}

/** What the page has asked for so far, and what is kept for offline use. */
async function downloaded() {
  const kept = await browser.page.evaluate(async () => {
    const caching = (await caches.keys()).map(async (name) => (await caches.open(name)).keys());
    return (await Promise.all(caching)).flat().map(({ url }) => url);
  });
  assert.ok(kept.length > 10, "the service worker keeps files");
  return weigh([...browser.requests, ...kept]);
}

/** @param {{path: string, bytes: number}[]} files */
const total = (files) => files.reduce((sum, { bytes }) => sum + bytes, 0);

/** @param {{path: string, bytes: number}[]} files */
const table = (files) => files.map(({ path, bytes }) => `${bytes} ${path}`).join("\n");

test("the page is painted with less than 50 kB of HTML, CSS and JavaScript", async (t) => {
  const { page, url } = browser;
  await page.goto(url);
  await page.waitForSelector("#samples button");
  // Whatever was asked for before the first words were painted, whether they needed it or not.
  const early = await page.evaluate(() => {
    const [painted] = performance.getEntriesByName("first-contentful-paint");
    const before = performance.getEntriesByType("resource").filter(({ startTime }) => startTime < painted.startTime);
    return [location.href, ...before.map(({ name }) => name)];
  });
  const files = weigh(early).filter(({ path }) => /\.(html|css|js)$/.test(path));
  t.diagnostic(`${total(files)} bytes in ${files.length} files`);
  for (const path of ["index.html", "app/style.css", "app/main.js"]) {
    assert.ok(files.some((file) => file.path === path), `${path} is not among ${table(files)}`);
  }
  assert.ok(total(files) < PAGE_LIMIT_BYTES, table(files));
});

test("the first picture on the CPU costs at most 3 MB", async (t) => {
  const { page } = browser;
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
  await page.check("#faces input[value=off]");
  const outcome = await convert(page, fixture("astronaut-64.png"));
  assert.match("status" in outcome ? outcome.status : outcome.error, /on the CPU/);
  const files = await downloaded();
  t.diagnostic(`${total(files)} bytes in ${files.length} files`);
  assert.ok(files.some(({ path }) => path.endsWith(".wasm")) && files.some(({ path }) => path.endsWith(".safetensors")));
  assert.ok(total(files) <= PICTURE_LIMIT_BYTES, table(files));
});

test("one with its faces costs at most 9 MB", async (t) => {
  const { page } = browser;
  await page.check("#faces input[value=both]");
  const outcome = await convert(page, join(DIST, "samples/astronaut.jpg"));
  assert.match("status" in outcome ? outcome.status : outcome.error, /1 face drawn/);
  const files = await downloaded();
  t.diagnostic(`${total(files)} bytes in ${files.length} files`);
  assert.ok(files.some(({ path }) => path.startsWith("nijigen/faces/")));
  assert.ok(total(files) <= FACES_LIMIT_BYTES, table(files));
});

test("nothing comes from another host", () => {
  const strangers = browser.requests.filter((url) => !url.startsWith(browser.url) && !/^(blob|data):/.test(url));
  assert.deepEqual(strangers, []);
});
