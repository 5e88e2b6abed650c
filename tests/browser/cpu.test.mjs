/** A photo through the page on the CPU: the same pixels as natively, a page that stays awake. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PNG } from "pngjs";
import { ROOT, NIJIGEN, convert, download, drop, fixture, openPage, photo } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser({}, openPage);

test("the page makes the picture that the native program makes", async () => {
  const outcome = await convert(browser.page, fixture("astronaut-256.png"));
  assert.match("status" in outcome ? outcome.status : outcome.error, /256 × 256 in .* on the CPU/);
  const { name, png } = await download(browser.page);
  assert.equal(name, "astronaut-256-anime.png");

  const folder = mkdtempSync(join(tmpdir(), "nijigen-native-"));
  const style = join(ROOT, "www/styles/sky.safetensors");
  execFileSync(NIJIGEN, ["convert", fixture("astronaut-256.png"), "--look", style, "--out", folder]);
  const native = PNG.sync.read(readFileSync(join(folder, name)));

  assert.deepEqual([png.width, png.height], [native.width, native.height]);
  let worst = 0;
  let sum = 0;
  for (let i = 0; i < native.data.length; i++) {
    const difference = Math.abs(native.data[i] - png.data[i]);
    worst = Math.max(worst, difference);
    sum += difference;
  }
  // The page may compute with 8-bit products, the program does not. (Two engines that both do not:
  // engines.test.mjs.)
  assert.ok(worst <= 10, `differs by ${worst} of 255`);
  assert.ok(sum / native.data.length < 0.2, `differs by ${sum / native.data.length} on average`);

  // And it is a picture, not a copy of the photo.
  const original = PNG.sync.read(readFileSync(fixture("astronaut-256.png")));
  let change = 0;
  for (let i = 0; i < original.data.length; i++) change += Math.abs(original.data[i] - png.data[i]);
  assert.ok(change / original.data.length > 5, "the photo was hardly changed");
});

test("the page stays awake, and shows progress", async (t) => {
  const { page } = browser;
  await page.evaluate(() => {
    const watch = { worst: 0, shares: /** @type {number[]} */ ([]) };
    Object.assign(window, { watch });
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      watch.worst = Math.max(watch.worst, now - last);
      last = now;
      const bar = document.querySelector("progress");
      if (bar && !bar.hidden && bar.hasAttribute("value")) watch.shares.push(bar.value);
    }, 10);
  });
  await convert(page, join(ROOT, "www/samples/coffee.jpg"));
  const { worst, shares } = await page.evaluate(() => /** @type {any} */ (window).watch);
  t.diagnostic(`the page did not answer for at most ${worst.toFixed(0)} ms`);
  assert.ok(worst <= 150, `the page did not answer for ${worst} ms`);
  assert.ok(new Set(shares).size >= 4, `progress was shown at ${shares}`);
});

test("a newer photo is looked at, and the one under way is finished", async () => {
  const { page } = browser;
  await page.setInputFiles("#file", join(ROOT, "www/samples/astronaut.jpg"));
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.startsWith("Drawing"));
  const outcome = await convert(page, photo("plain.png"));
  assert.match("status" in outcome ? outcome.status : outcome.error, /96 × 96/);
  assert.equal((await download(page)).name, "plain-anime.png");
  const states = await page.$$eval("#queue li", (rows) => rows.map((row) => row.dataset.state));
  assert.deepEqual(states.slice(-2), ["done", "done"]);
});

test("a sample photo is one click away", async () => {
  const { page } = browser;
  await page.click("#samples button:nth-child(4)");
  // The download of the picture before is there until the photo is.
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.includes("451 × 300"));
});

test("a photo can be dropped", async () => {
  const { page } = browser;
  await drop(page, [photo("plain.jpg")]);
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.includes("150 × 100"));
  assert.equal((await download(page)).name, "plain-anime.png");
});

test("nothing went wrong on the way, and nobody else was asked", () => {
  assert.deepEqual(browser.complaints, []);
  assert.ok(browser.requests.length > 5);
  const own = (/** @type {string} */ url) => url.startsWith(browser.url) || url.startsWith("blob:");
  assert.deepEqual(browser.requests.filter((url) => !own(url)), []);
});

test("the policy forbids eval, inline code and other hosts", async () => {
  const response = await fetch(browser.url);
  const header = response.headers.get("content-security-policy") ?? "";
  const meta = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(await response.text());
  for (const policy of [header, meta?.[1]]) {
    assert.equal(policy, "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'");
  }
});
