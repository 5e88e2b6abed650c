/** Which engine draws: the faster one where both work, the CPU what is too large for a GPU, and the GPU the next photo. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, convert, openPage, openPlain, photo, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";
import { adapter, playGpu } from "./played_gpu.mjs";

const browser = freshBrowser();

/** What a GPU says of pictures with more than 200 pixels a side. */
const SMALL = `if (Math.min(options.longSide, Math.max(width, height)) > 200) throw fail("gpu-capacity");`;
/** It can be cancelled, as the real one. */
const SLOW = `for (let i = 0; i < 20; i++) {
  await new Promise((resolve) => setTimeout(resolve, 150));
  if ((await options.onProgress(i / 20)) === false) throw fail("cancelled");
}`;
const COFFEE = join(ROOT, "www/samples/coffee.jpg");

/**
 * Opens the page with a GPU of this name that is played, and all that is remembered forgotten.
 * @param {string} drawing
 * @param {string} [vendor]
 */
async function openWithGpu(drawing, vendor = "first") {
  await playGpu(browser, drawing);
  await nameGpu(vendor);
  await openPlain(browser);
  await browser.page.evaluate(() => localStorage.clear());
  await openPage(browser, "auto");
}

/** @param {string} vendor of the adapter, from the next document on */
async function nameGpu(vendor) {
  await prependToWorker(browser, adapter(vendor));
  await browser.page.addInitScript(adapter(vendor));
}

const remembered = () => browser.page.evaluate(() => localStorage.getItem("nijigen.faster"));
const waitForMeasurement = () => browser.page.waitForFunction(() => localStorage.getItem("nijigen.faster"));

/** @param {string} path @returns {Promise<string>} */
async function drawn(path) {
  const ended = await convert(browser.page, path);
  return "status" in ended ? ended.status : ended.error;
}

test("a photo that is too large for the GPU is drawn by the CPU, the next one by the GPU", async () => {
  await playGpu(browser, SMALL);
  await prependToWorker(browser, adapter("first"));
  await openPlain(browser);
  const made = await browser.page.evaluate(`(async () => {
    ${adapter("first")}
    let starts = 0;
    new BroadcastChannel("gpu").onmessage = () => starts++;
    const { createStylizer } = await import("/nijigen/index.js");
    const stylizer = await createStylizer({ variant: "tiny", cache: false });
    const photo = await (await fetch("/samples/coffee.jpg")).blob();
    const pictures = [];
    for (const size of [64, 320, 96, 240, 64]) {
      const { engine, fellBackCode, width } = await stylizer.stylize(photo, { size, output: "imagedata" });
      pictures.push([width, engine, fellBackCode ?? ""]);
    }
    const open = stylizer.open(photo);
    for (const size of [320, 64]) {
      const { engine, width } = await stylizer.stylize(open, { size, output: "imagedata" });
      pictures.push([width, engine, stylizer.fellBack ?? ""]);
    }
    stylizer.dispose();
    return { pictures, starts };
  })()`);
  assert.deepEqual(made, {
    pictures: [
      [64, "webgpu", ""],
      [320, "cpu", "gpu-capacity"],
      [96, "webgpu", ""],
      [240, "cpu", "gpu-capacity"],
      [64, "webgpu", ""],
      [320, "cpu", "sabotage"],
      [64, "webgpu", ""],
    ],
    starts: 1,
  });
});

test("the page says which engine drew, also where another one stood in", async () => {
  const { page } = browser;
  await openWithGpu(SMALL);
  await page.evaluate(() => {
    const said = /** @type {string[]} */ ([]);
    Object.assign(window, { said });
    const status = /** @type {HTMLElement} */ (document.querySelector("#status"));
    new MutationObserver(() => said.push(status.textContent ?? "")).observe(status, { childList: true });
  });
  assert.match(await drawn(COFFEE), /on the CPU, .*WebGPU was not used: This picture is too large for this GPU\./);
  const said = await page.evaluate(() => /** @type {any} */ (window).said.join("\n"));
  assert.match(said, /Drawing on the CPU/);
  assert.doesNotMatch(said, /Drawing on the GPU/);
  assert.match(await drawn(photo("plain.png")), /96 × 96 .* on the GPU \(WebGPU\)/);
});

test("a GPU that is slower than the CPU is not used, with this GPU and this release", async () => {
  const { page } = browser;
  await openWithGpu(SLOW);
  await waitForMeasurement();
  assert.match((await remembered()) ?? "", /^cpu .* first$/);
  assert.match(await drawn(photo("plain.png")), /on the CPU, /);
  assert.doesNotMatch(await page.innerText("#status"), /GPU/);

  // At the next visit, no GPU is started.
  await page.reload();
  await page.evaluate(() => {
    Object.assign(window, { starts: 0 });
    new BroadcastChannel("gpu").onmessage = () => /** @type {any} */ (window).starts++;
  });
  await openPage(browser, "auto");
  assert.match(await drawn(COFFEE), /on the CPU, /);
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).starts ?? 0), 0);

  // What is known of one GPU says nothing of another.
  await nameGpu("second");
  await openPage(browser, "auto");
  await page.waitForFunction(() => / second$/.test(localStorage.getItem("nijigen.faster") ?? ""));
});

test("a GPU that is faster stays", async () => {
  // It leaves most of the measured pixels out.
  await openWithGpu(`if (options.longSide === 256) options = { ...options, longSide: 32 };`);
  await waitForMeasurement();
  assert.match((await remembered()) ?? "", /^webgpu .* first$/);
  assert.match(await drawn(photo("plain.png")), /on the GPU \(WebGPU\)/);
});

test("asked for, both are measured, and a GPU that failed is not called one that drew", async () => {
  const { page } = browser;
  await openWithGpu(`throw fail("gpu-lost");`);
  await page.click("#benchmark summary");
  await page.click("#benchmark-start");
  await page.waitForFunction(() => document.querySelector("#benchmark-result")?.childElementCount === 3);
  const words = await page.innerText("#benchmark-result");
  assert.match(words, /CPU: \d+ ms[^]*GPU \(WebGPU\): The GPU stopped answering\.[^]*CPU is the faster one/);
  assert.equal(await page.inputValue("#device"), "auto");
  assert.match(await drawn(COFFEE), /on the CPU, /);
});
