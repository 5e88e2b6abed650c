/**
 * The engine beside onnxruntime-web in headless Chromium, one fresh browser a case:
 *
 *     node benches/browser.mjs [--size 512] [--threads 2] [--repeats 5] [--style NAME]...
 *
 * onnxruntime-web runs the style `ink-full`, AnimeGANv2's own network, in f32; the engine runs the styles
 * named (all of `www/styles` without any) with products in f32 and in 8 bits. Prints a Markdown table:
 * medians in ms after a first picture, and the engine's bytes for a picture.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DIST, openBrowser } from "../tests/browser/browser.mjs";
import { median } from "../tests/browser/median.mjs";
import { benchModel, exportModel, openModel } from "../tests/browser/onnxruntime.mjs";

/** The style whose network is the public one. */
const PUBLIC_NETWORK = "ink-full";

const { values: options } = parseArgs({
  options: {
    size: { type: "string", default: "512" },
    threads: { type: "string", default: "2" },
    repeats: { type: "string", default: "5" },
    style: { type: "string", multiple: true },
  },
});

/** @param {"size" | "threads" | "repeats"} name @param {number} most */
function number(name, most) {
  const value = Number(options[name]);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  console.error(`--${name} is ${options[name]}, expected a whole number from 1 to ${most}`);
  process.exit(2);
}

const size = number("size", 4096);
const threads = number("threads", 64);
const repeats = number("repeats", 1000);

/**
 * @template T
 * @param {(browser: import("../tests/browser/browser.mjs").Browser) => Promise<T>} measure
 */
async function inFreshBrowser(measure) {
  const browser = await openBrowser();
  try {
    return await measure(browser);
  } finally {
    await browser.close();
  }
}

/** @param {string} model path of an ONNX file */
function timeOnnxruntime(model) {
  return inFreshBrowser(async (browser) => {
    await openModel(browser, model, threads);
    await benchModel(browser, size, 1);
    return median(await benchModel(browser, size, repeats));
  });
}

/** @param {string} file of the style @param {boolean} int8 products in 8 bits */
function timeEngine(file, int8) {
  return inFreshBrowser(async ({ page, url }) => {
    await page.goto(`${url}bench.html?style=styles/${file}&threads=${threads}${int8 ? "&int8" : ""}`);
    await page.waitForFunction(() => "ready" in window);
    const { times, peakBytes, module } = await page.evaluate(
      async ([size, repeats]) => {
        const { run, bench, started } = /** @type {any} */ (window);
        const { peakBytes } = await run(size, new Float32Array(3 * size * size).fill(0.25));
        return { times: await bench(size, repeats), peakBytes, module: started.module };
      },
      /** @type {const} */ ([size, repeats]),
    );
    return { ms: median(times), peakBytes, module };
  });
}

const manifest = JSON.parse(await readFile(join(DIST, "styles/manifest.json"), "utf8"));
// Networks for faces take more planes than a picture has.
const styles = manifest.styles.filter((/** @type {{variant: string}} */ { variant }) => variant !== "portrait");
const names = styles.map((/** @type {{name: string}} */ style) => style.name);
for (const name of options.style ?? []) {
  if (names.includes(name)) continue;
  console.error(`there is no style ${name}, expected one of ${names.join(", ")}`);
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), "nijigen-bench-"));
try {
  const model = join(folder, "model.onnx");
  exportModel(PUBLIC_NETWORK, model);
  const theirs = await timeOnnxruntime(model);
  console.log(`${size} × ${size}, ${threads} threads, ${cpus()[0].model}\n`);
  console.log("| network | products | module | ms | onnxruntime-web / ours | MB |\n|---|---|---|---|---|---|");
  console.log(`| \`${PUBLIC_NETWORK}\` in onnxruntime-web | f32 | | ${theirs.toFixed(0)} | | |`);
  for (const { name, file } of styles) {
    if (options.style && !options.style.includes(name)) continue;
    for (const int8 of [false, true]) {
      const { ms, peakBytes, module } = await timeEngine(file, int8);
      const ratio = (theirs / ms).toFixed(1);
      const products = int8 ? "8 bits" : "f32";
      console.log(`| \`${name}\` | ${products} | ${module} | ${ms.toFixed(0)} | ${ratio} | ${(peakBytes / 1e6).toFixed(0)} |`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
