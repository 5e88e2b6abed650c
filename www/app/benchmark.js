/** Which engine is faster on this device: both draw the same sample. */

import { NijigenError, createStylizer } from "../nijigen/index.js";
import { element, make } from "./dom.js";
import { wordsFor } from "./errors.js";
import { text } from "./language.js";
import { remember } from "./memory.js";

const SIZE_PX = 384;
const REPEATS = 3;

/** @typedef {Pick<import("./engine.js").EngineChoice, "style" | "variant">} Style */

/**
 * Measures and shows the times.
 * @param {Style} style
 * @returns {Promise<"cpu" | "webgpu" | undefined>} the faster engine, if any works
 */
export async function runBenchmark(style) {
  const start = element("benchmark-start", HTMLButtonElement);
  const result = element("benchmark-result", HTMLElement);
  start.disabled = true;
  result.replaceChildren();
  const sample = await (await fetch("samples/coffee.jpg")).blob();
  /** @type {{device: "cpu" | "webgpu", ms: number}[]} */
  const times = [];
  for (const device of /** @type {const} */ (["webgpu", "cpu"])) {
    const engine = text(`engine.${device}`);
    const line = make("p", { textContent: text("bench.running", { engine }) });
    result.append(line);
    try {
      const ms = await measure(sample, style, device);
      times.push({ device, ms });
      line.textContent = text("bench.result", { engine, ms: Math.round(ms) });
    } catch (thrown) {
      const why = wordsFor(thrown instanceof NijigenError ? thrown.code : undefined);
      line.textContent = text("bench.failed", { engine, why });
    }
  }
  start.disabled = false;
  const [fastest] = times.sort((a, b) => a.ms - b.ms);
  const words = fastest
    ? text("bench.chosen", { engine: text(`engine.${fastest.device}`) })
    : text("bench.none");
  result.append(make("p", { textContent: words }));
  if (fastest) remember("device", fastest.device);
  return fastest?.device;
}

/**
 * @param {Blob} sample
 * @param {Style} style
 * @param {"cpu" | "webgpu"} device
 * @returns {Promise<number>} ms of the fastest of some pictures, after a first one
 */
async function measure(sample, { style, variant }, device) {
  // Both engines draw with the same network.
  const stylizer = await createStylizer({ style, variant: variant === "auto" ? "compact" : variant, device });
  try {
    const bitmap = await createImageBitmap(sample, { resizeWidth: SIZE_PX, resizeHeight: SIZE_PX });
    let best = Infinity;
    for (let i = 0; i <= REPEATS; i++) {
      const { elapsedMs } = await stylizer.stylize(bitmap, { size: SIZE_PX, output: "imagedata" });
      if (i > 0) best = Math.min(best, elapsedMs);
    }
    return best;
  } finally {
    stylizer.dispose();
  }
}
