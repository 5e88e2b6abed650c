/**
 * The GPU engine beside onnxruntime-web's WebGPU provider in headless Chromium on a GPU emulated in software, one fresh
 * browser a case:
 *
 *     node benches/gpu.mjs [--size 128]... [--repeats 3] [--style NAME]... [--other DIST]
 *
 * `--other` is another version's `target/dist`. Prints a Markdown table: medians in ms after a first picture, what the
 * first picture took with all that it needs to start.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DIST, openBrowser } from "../tests/browser/browser.mjs";
import { median } from "../tests/browser/median.mjs";
import { benchModel, exportModel, openModel } from "../tests/browser/onnxruntime.mjs";
import { serve } from "../www/server.mjs";

const { values: options } = parseArgs({
  options: {
    size: { type: "string", multiple: true, default: ["128"] },
    repeats: { type: "string", default: "3" },
    style: { type: "string", multiple: true, default: ["ink-tiny", "ink", "ink-full"] },
    other: { type: "string" },
  },
});
const sizes = options.size.map(Number);
const repeats = Number(options.repeats);
if (![...sizes, repeats].every((number) => Number.isInteger(number) && number >= 1 && number <= 4096)) {
  console.error("--size and --repeats are whole numbers from 1 to 4096");
  process.exit(2);
}

/** @typedef {{startMs: number, ms: number}} Times */

/**
 * @template T
 * @param {string} dist
 * @param {(browser: import("../tests/browser/browser.mjs").Browser) => Promise<T>} measure
 */
async function inFreshBrowser(dist, measure) {
  const browser = await openBrowser({ webgpu: true, server: await serve(dist, 0, true) });
  browser.page.setDefaultTimeout(600_000);
  try {
    return await measure(browser);
  } finally {
    await browser.close();
  }
}

/** @param {string} model path of an ONNX file @param {number} size @returns {Promise<Times>} */
function timeOnnxruntime(model, size) {
  return inFreshBrowser(DIST, async (browser) => {
    const startedAt = performance.now();
    await openModel(browser, model, 1, "webgpu");
    await benchModel(browser, size, 1);
    const startMs = performance.now() - startedAt;
    return { startMs, ms: median(await benchModel(browser, size, repeats)) };
  });
}

/** @param {string} dist @param {string} style @param {number} size @returns {Promise<Times>} */
function timeEngine(dist, style, size) {
  return inFreshBrowser(dist, async ({ page, url }) => {
    const startedAt = performance.now();
    await page.goto(`${url}bench.html?module=gpu&style=styles/${style}.safetensors`);
    await page.waitForFunction(() => "ready" in window);
    /** @param {number} repeats @returns {Promise<number[]>} */
    const bench = (repeats) =>
      page.evaluate(([size, repeats]) => /** @type {any} */ (window).bench(size, repeats), [size, repeats]);
    await bench(1);
    const startMs = performance.now() - startedAt;
    return { startMs, ms: median(await bench(repeats)) };
  });
}

const folder = await mkdtemp(join(tmpdir(), "nijigen-bench-"));
try {
  console.log(`SwiftShader, ${cpus()[0].model}\n`);
  console.log("| network | size | | to the first picture, ms | ms | its time / ours |\n|---|---|---|---|---|---|");
  for (const style of options.style) {
    const model = join(folder, `${style}.onnx`);
    exportModel(style, model);
    for (const size of sizes) {
      const ours = await timeEngine(DIST, style, size);
      /** @type {[string, () => Promise<Times>][]} */
      const others = [["onnxruntime-web", () => timeOnnxruntime(model, size)]];
      const { other } = options;
      if (other) others.push(["the other version", () => timeEngine(other, style, size)]);
      /** @param {string} name @param {Times} times */
      const print = (name, { startMs, ms }) =>
        console.log(
          `| \`${style}\` | ${size} | ${name} | ${startMs.toFixed(0)} | ${ms.toFixed(0)} | ${(ms / ours.ms).toFixed(2)} |`,
        );
      print("ours", ours);
      for (const [name, measure] of others) {
        try {
          print(name, await measure());
        } catch (thrown) {
          console.log(`| \`${style}\` | ${size} | ${name} | ${String(thrown).split("\n")[0]} | | |`);
        }
      }
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
