/** The CPU engine's modules: each computes the same, with and without relaxed SIMD and threads. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PNG } from "pngjs";
import { fixture, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser();

const SIZE = 72;

/**
 * What a module makes of a fixed input.
 * @param {string} module
 * @param {number} threads
 */
async function run(module, threads) {
  const { page } = browser;
  await page.goto(`${browser.url}bench.html?module=${module}&threads=${threads}`);
  await page.waitForFunction(() => /** @type {any} */ (window).ready);
  return page.evaluate(async (size) => {
    const bench = /** @type {any} */ (window);
    const input = Float32Array.from({ length: 3 * size * size }, (_, i) => Math.sin(i * i));
    const { output, peakBytes } = await bench.run(size, input);
    const layers = await bench.profile(size);
    return { started: bench.started, output: [...output], peakBytes, layers: layers.length };
  }, SIZE);
}

/** @type {Record<string, Awaited<ReturnType<typeof run>>>} */
const made = {};

for (const [module, threads] of /** @type {const} */ ([
  ["cpu", 1],
  ["cpu-relaxed", 1],
  ["cpu-threads", 2],
  ["cpu-relaxed-threads", 3],
])) {
  test(`${module} reproduces the style's known answer`, async () => {
    made[module] = await run(module, threads);
    const { started, output, peakBytes, layers } = made[module];
    assert.deepEqual([started.module, started.threads], [module, threads]);
    assert.ok(started.knownAnswerError < 1e-5, `${started.knownAnswerError}`);
    assert.equal(output.length, 3 * SIZE * SIZE);
    assert.ok(peakBytes > 1e6 && peakBytes < 30e6, `${peakBytes}`);
    assert.ok(layers > 10);
  });
}

test("threads do not change a bit, fused multiply-add changes the last ones", () => {
  const [plain, relaxed, plainThreads, relaxedThreads] = [
    "cpu",
    "cpu-relaxed",
    "cpu-threads",
    "cpu-relaxed-threads",
  ].map((name) => made[name]?.output);
  assert.ok(plain && relaxed && plainThreads && relaxedThreads, "a module has not run");
  assert.deepEqual(plainThreads, plain);
  assert.deepEqual(relaxedThreads, relaxed);
  const error = Math.max(...plain.map((value, i) => Math.abs(value - (relaxed[i] ?? NaN))));
  assert.ok(error > 0 && error < 1e-4, `${error}`);
});

for (const module of ["cpu", "cpu-relaxed"]) {
  test(`8-bit products change a photo's picture little in ${module}`, async (t) => {
    const photo = PNG.sync.read(readFileSync(fixture("astronaut-256.png")));
    const size = photo.width;
    const planes = Array.from({ length: 3 * size * size }, (_, i) => {
      const [pixel, colour] = [i % (size * size), Math.floor(i / (size * size))];
      return photo.data[4 * pixel + colour] / 127.5 - 1;
    });
    const { page } = browser;
    const outputs = [];
    for (const precision of ["", "&int8"]) {
      await page.goto(`${browser.url}bench.html?module=${module}${precision}`);
      await page.waitForFunction(() => /** @type {any} */ (window).ready);
      const output = await page.evaluate(
        async ([size, planes]) => {
          const input = Float32Array.from(/** @type {number[]} */ (planes));
          return [...(await /** @type {any} */ (window).run(size, input)).output];
        },
        /** @type {const} */ ([size, planes]),
      );
      outputs.push(output);
    }
    const [exact, int8] = outputs;
    const squares = exact.map((value, i) => ((value - int8[i]) / 2) ** 2);
    const psnr = -10 * Math.log10(squares.reduce((sum, square) => sum + square, 0) / exact.length);
    t.diagnostic(`${psnr.toFixed(1)} dB`);
    assert.ok(psnr > 45 && psnr < 100, `${psnr} dB`);
  });
}

test("the module is chosen by what the browser has", async () => {
  const { page } = browser;
  await page.goto(`${browser.url}bench.html?threads=2`);
  await page.waitForFunction(() => /** @type {any} */ (window).ready);
  // Chromium has relaxed SIMD, and the server isolates the page.
  const started = await page.evaluate(() => /** @type {any} */ (window).started);
  assert.deepEqual([started.module, started.threads], ["cpu-relaxed-threads", 2]);
});

/** A worker's script with which no other worker starts. */
const REFUSE_WORKERS = `self.Worker = class {
  constructor() {
    new BroadcastChannel("refused").postMessage("");
    throw new Error("no more workers");
  }
};`;

test("where threads cannot be started, one does the work", async () => {
  const { context, page } = browser;
  await prependToWorker(browser, REFUSE_WORKERS);
  await page.goto(browser.url);
  const made = await page.evaluate(async () => {
    let refused = 0;
    new BroadcastChannel("refused").onmessage = () => refused++;
    const { createStylizer } = await import(/** @type {any} */ ("/nijigen/index.js"));
    const stylizer = await createStylizer({ device: "cpu", threads: 2 });
    const { width, engine } = await stylizer.stylize(new ImageData(48, 40));
    stylizer.dispose();
    return { width, engine, refused: refused > 0 };
  });
  await context.unrouteAll({ behavior: "ignoreErrors" });
  assert.deepEqual(made, { width: 48, engine: "cpu", refused: true });
});

test("threads and precisions that are none are refused", async () => {
  await browser.page.goto(browser.url);
  const messages = await browser.page.evaluate(async () => {
    const { createStylizer } = await import(/** @type {any} */ ("/nijigen/index.js"));
    const failure = (/** @type {object} */ options) =>
      createStylizer(options).then(String, (/** @type {Error} */ error) => error.message);
    return Promise.all([failure({ threads: 0 }), failure({ precision: "f64" })]);
  });
  assert.deepEqual(messages, [
    "threads is 0, expected a whole number above 0",
    'precision is "f64", expected one of "auto", "f32", "int8"',
  ]);
});

test("options that are missing or wrong are named", async () => {
  await browser.page.goto(browser.url);
  const said = await browser.page.evaluate(async () => {
    const module = await import(/** @type {any} */ ("/nijigen/wasm/cpu/nijigen.js"));
    await module.default({ module_or_path: "/nijigen/wasm/cpu/nijigen_bg.wasm" });
    const style = new Uint8Array(await (await fetch("/styles/ink-tiny.safetensors")).arrayBuffer());
    const stylizer = await module.Stylizer.create(style, "", false);
    const rgba = new Uint8Array(4 * 20 * 16);
    const right = { longSide: 20, strength: 1, sideBySide: false, onProgress: () => {} };
    const faces = { mode: "both", kind: 5, landmarks: new Float32Array(10), likeness: 1 };
    const run = (/** @type {any} */ options, width = 20, height = 16) =>
      stylizer.stylize(rgba, width, height, options).then(
        (/** @type {any} */ { width, outcomes }) => `${width} ${outcomes}`,
        (/** @type {any} */ { code, message }) => `${code}: ${message}`,
      );
    const said = [await run(right), await run({ ...right, faces })];
    for (const wrong of [
      { longSide: 0 },
      { longSide: 1.5 },
      { strength: "much" },
      { strength: 2 },
      { sideBySide: undefined },
      { onProgress: null },
      { faces: "both" },
      { faces: { ...faces, mode: "all" } },
      { faces: { ...faces, landmarks: [1, 2] } },
      { faces: { ...faces, kind: 6 } },
      { faces: { ...faces, likeness: "much" } },
      { faces: { ...faces, likeness: 2 } },
    ]) {
      said.push(await run({ ...right, ...wrong }));
    }
    return [...said, await run(undefined), await run(right, 0, 0), await run(right, 21), await run(right, 65536, 65536)];
  });
  const expected = [
    /^20 $/,
    /^20 invalid$/,
    /^argument-invalid: .*longSide is 0, expected a whole number/,
    /^argument-invalid: .*longSide is 1.5/,
    /^argument-invalid: .*strength is "much"/,
    /^argument-invalid: .*strength is 2/,
    /^argument-invalid: .*sideBySide is undefined/,
    /^argument-invalid: .*onProgress is null, expected a function/,
    /^argument-invalid: .*faces is "both", expected an object/,
    /^argument-invalid: .*mode is "all", expected "faces", "both" or "live"/,
    /^argument-invalid: .*landmarks is object, expected a Float32Array/,
    /^faces-invalid: .*6 landmarks/,
    /^argument-invalid: .*likeness is "much", expected a number from 0 to 1/,
    /^argument-invalid: .*likeness is 2, expected 0 to 1/,
    /^argument-invalid: .*options is undefined, expected an object/,
    /^argument-invalid: .*0 x 0/,
    /^argument-invalid: .*1280 bytes for 21 x 16/,
    /^photo-too-large: .*65536 x 65536/,
  ];
  assert.equal(said.length, expected.length);
  expected.forEach((pattern, i) => assert.match(said[i], pattern));
});
