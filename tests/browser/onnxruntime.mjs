/** onnxruntime-web in a page of the served folder, to compare the engine with. */

import { execFileSync } from "node:child_process";
import { basename, join } from "node:path";
import { ROOT, NIJIGEN, openPlain } from "./browser.mjs";

const RUNTIME = join(ROOT, "node_modules/onnxruntime-web/dist");

/** Workers of an isolated page must be isolated themselves. */
const HEADERS = { "Cross-Origin-Embedder-Policy": "require-corp" };

/**
 * Writes a style of `www/styles` as an ONNX model with weights in f32.
 * @param {string} style its name
 * @param {string} path of the model
 */
export function exportModel(style, path) {
  const file = join(ROOT, "www/styles", `${style}.safetensors`);
  execFileSync(NIJIGEN, ["onnx", "export", file, path, "--dtype", "f32"]);
}

/**
 * Loads a model, which `runModel` and `benchModel` run.
 * @param {import("./browser.mjs").Browser} browser
 * @param {string} path of the ONNX file
 * @param {number} threads
 * @param {"wasm" | "webgpu"} [provider] what runs it
 */
export async function openModel(browser, path, threads, provider = "wasm") {
  const { context, page } = browser;
  await context.route("**/onnxruntime/*", (route) => {
    const name = basename(new URL(route.request().url()).pathname);
    return route.fulfill({ path: name === "model.onnx" ? path : join(RUNTIME, name), headers: HEADERS });
  });
  await openPlain(browser);
  await page.evaluate(async ([threads, provider]) => {
    // @ts-ignore: an address that is routed above.
    const ort = await import(`/onnxruntime/ort.${provider}.min.mjs`);
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.wasmPaths = "/onnxruntime/";
    const session = await ort.InferenceSession.create("/onnxruntime/model.onnx", { executionProviders: [provider] });
    /** @param {number} size @param {Float32Array} values */
    const run = async (size, values) => {
      const input = new ort.Tensor("float32", values, [1, 3, size, size]);
      return (await session.run({ input })).output.data;
    };
    Object.assign(window, { runModel: run });
  }, /** @type {const} */ ([threads, provider]));
}

/**
 * What the model makes of a square picture.
 * @param {import("./browser.mjs").Browser} browser
 * @param {number} size side in pixels
 * @param {number[]} values `[3, size, size]` in [-1, 1]
 * @returns {Promise<number[]>}
 */
export function runModel({ page }, size, values) {
  return page.evaluate(
    async ([size, values]) => [
      ...(await /** @type {any} */ (window).runModel(size, Float32Array.from(values))),
    ],
    /** @type {const} */ ([size, values]),
  );
}

/**
 * Times of the model, of one picture after another.
 * @param {import("./browser.mjs").Browser} browser
 * @param {number} size side in pixels
 * @param {number} repeats
 * @returns {Promise<number[]>} ms
 */
export function benchModel({ page }, size, repeats) {
  return page.evaluate(
    async ([size, repeats]) => {
      const values = new Float32Array(3 * size * size).fill(0.25);
      const times = [];
      for (let i = 0; i < repeats; i++) {
        const start = performance.now();
        await /** @type {any} */ (window).runModel(size, values);
        times.push(performance.now() - start);
      }
      return times;
    },
    /** @type {const} */ ([size, repeats]),
  );
}
