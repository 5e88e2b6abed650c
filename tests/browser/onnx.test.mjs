/** Exported ONNX models in onnxruntime-web: the same pictures as the engine's. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./browser.mjs";
import { exportModel, openModel, runModel } from "./onnxruntime.mjs";

const SIZE = 96;

/** @type {import("./browser.mjs").Browser} */
let browser;
/** @type {string} */
let folder;
before(async () => {
  browser = await openBrowser();
  folder = await mkdtemp(join(tmpdir(), "nijigen-onnx-"));
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** Waves of several lengths, of other phases in each colour, in [-1, 1]. */
function picture() {
  return Array.from({ length: 3 * SIZE * SIZE }, (_, i) => {
    const [x, y, colour] = [i % SIZE, Math.floor(i / SIZE) % SIZE, Math.floor(i / SIZE ** 2)];
    return Math.fround(0.6 * Math.sin(x / (3 + colour) + y / 17) + 0.4 * Math.cos((x * y) / 400 + colour));
  });
}

/**
 * @param {string} style
 * @param {number[]} values
 * @returns {Promise<number[]>} what the CPU engine makes of them in f32
 */
async function ours(style, values) {
  await browser.page.goto(`${browser.url}bench.html?style=styles/${style}.safetensors`);
  await browser.page.waitForFunction(() => "ready" in window);
  return browser.page.evaluate(
    async ([size, values]) => {
      const { output } = await /** @type {any} */ (window).run(size, Float32Array.from(values));
      return [...output];
    },
    /** @type {const} */ ([SIZE, values]),
  );
}

for (const style of ["ink-full", "ink", "ink-tiny"]) {
  test(`onnxruntime-web agrees on ${style}`, async (t) => {
    const model = join(folder, `${style}.onnx`);
    exportModel(style, model);
    const values = picture();
    const expected = await ours(style, values);
    await openModel(browser, model, 1);
    const found = await runModel(browser, SIZE, values);
    assert.equal(found.length, expected.length);
    const worst = found.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i])), 0);
    t.diagnostic(`they differ by at most ${worst.toExponential(1)}`);
    assert.ok(worst <= 1e-4, `they differ by ${worst}`);
    const spread = Math.max(...expected) - Math.min(...expected);
    assert.ok(spread > 0.5, `the picture has values within ${spread} only`);
  });
}
