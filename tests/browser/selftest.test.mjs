/** The self-test: what each engine does on a device, as text. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser({ webgpu: true });

/** Runs it with the smallest network. @param {string} sizes @returns {Promise<string>} the report */
async function report(sizes) {
  const { page, url } = browser;
  await page.goto(`${url}selftest.html?variants=tiny&sizes=${sizes}`);
  await page.click("#selftest-start");
  await page.waitForFunction(() => /^end$/m.test(document.querySelector("#selftest-report")?.textContent ?? ""));
  return page.innerText("#selftest-report");
}

test("known answers, limits and times, to be copied", { timeout: 240_000 }, async (t) => {
  const { page, context, complaints } = browser;
  const words = await report("32,48");
  for (const part of [
    /^browser: Mozilla\/5\.0 .*Chrome/m,
    /^threads: \d+; cross-origin isolated: true; SIMD: true/m,
    /^cpu, ink-tiny \(tiny\): started in \d+ ms\n {2}known answer: off by \d\.\de[-+]\d+\n {2}32 x 32: [\d.]+ ms/m,
    /^cpu with 8-bit products, ink-tiny \(tiny\): started in \d+ ms\n {2}known answer: off by \d\.\de-\d/m,
  ]) {
    assert.match(words, part);
  }
  assert.equal(await page.innerText("#selftest-status"), "Done.");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click("#selftest-copy");
  await page.waitForFunction(() => document.querySelector("#selftest-status")?.textContent === "Copied.");
  assert.equal((await page.evaluate(() => navigator.clipboard.readText())).trim(), words.trim());
  await page.click("#languages [value=zh]");
  await page.waitForFunction(() => document.documentElement.lang === "zh-Hans");
  assert.equal(await page.innerText("h1"), "引擎自检");
  assert.equal(await page.innerText("#selftest-status"), "已复制。");
  await page.click("#languages [value=en]");
  assert.deepEqual(complaints, []);

  if (/^WebGPU adapter: none/m.test(words)) return t.skip("this Chromium offers no WebGPU adapter");
  for (const part of [
    /^WebGPU adapter: .*emulated in software\n {2}maxBufferSize: \d+\n {2}maxStorageBufferBindingSize: \d+/m,
    /^webgpu, ink-tiny \(tiny\): started in \d+ ms\n {2}known answer: off by \d\.\de-\d\n {2}32 x 32: [\d.]+ ms.*\n {2}48 x 48: /m,
  ]) {
    assert.match(words, part);
  }
});

test("an engine that fails is told with its code, and the others go on", { timeout: 240_000 }, async () => {
  await prependToWorker(browser, "Object.defineProperty(navigator, 'gpu', { value: undefined });");
  const words = await report("32");
  assert.match(words, /^webgpu, ink-tiny \(tiny\): failed, gpu-unavailable: This browser offers no WebGPU device\./m);
  assert.match(words, /^cpu, ink-tiny \(tiny\): started in /m);
});
