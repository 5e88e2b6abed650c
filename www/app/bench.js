/**
 * Speed and exactness of an engine, for scripts that drive a browser: `window.ready`,
 * `window.bench(size, repeats)` and `window.profile(size)`, and `window.check(size)` against
 * `/models/in_SIZE.bin` and `/models/out_SIZE.bin` (f32 planes) where the server has them.
 */

import { listStyles } from "../nijigen/index.js";

const query = new URLSearchParams(location.search);
const style = query.get("style") ?? `styles/${(await listStyles())[0].file}`;
const worker = new Worker(new URL("./bench_worker.js", import.meta.url), { type: "module" });

/**
 * @param {string} type
 * @param {object} [values]
 * @returns {Promise<any>}
 */
function ask(type, values = {}) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => ("error" in data ? reject(new Error(data.error)) : resolve(data.result));
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ type, ...values });
  });
}

/** @param {string} url */
async function floats(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return new Float32Array(await response.arrayBuffer());
}

const started = await ask("start", {
  style: new URL(style, location.href).href,
  threads: Number(query.get("threads") ?? 1),
  module: query.get("module"),
  int8: query.has("int8"),
});

Object.assign(window, {
  started,
  /** @param {number} size @param {Float32Array} input @returns {Promise<{output: Float32Array}>} */
  run: (size, input) => ask("run", { size, input }),
  /** @param {number} size @param {number} repeats @returns {Promise<number[]>} ms of each run */
  bench: (size, repeats) => ask("bench", { size, repeats }),
  /** @param {number} size @returns {Promise<[string, number, number][]>} layer, operations, ms */
  profile: (size) => ask("profile", { size }),
  /** @param {number} size @returns {Promise<{maxAbs: number, meanAbs: number, peakBytes: number}>} */
  check: async (size) => {
    const [input, expected] = await Promise.all(
      ["in", "out"].map((name) => floats(`/models/${name}_${size}.bin`)),
    );
    const { output, peakBytes } = await ask("run", { size, input });
    const errors = expected.map((value, i) => Math.abs(value - output[i]));
    const meanAbs = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    return { maxAbs: errors.reduce((most, error) => Math.max(most, error), 0), meanAbs, peakBytes };
  },
  ready: true,
});
