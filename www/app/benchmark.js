/** Which engine is faster on this device: both draw the same sample. */

import { NijigenError, createStylizer } from "../nijigen/index.js";
import { element, make } from "./dom.js";
import { wordsFor } from "./errors.js";
import { measure, useFaster } from "./faster_engine.js";
import { text } from "./language.js";

const SIZE_PX = 384;

/** @typedef {Pick<import("./engine.js").EngineChoice, "style" | "variant">} Style */

/**
 * Measures and shows the times. "Automatic" takes the faster one then.
 * @param {Style} style
 * @returns {Promise<boolean>} whether any engine works
 */
export async function runBenchmark(style) {
  const start = element("benchmark-start", HTMLButtonElement);
  const result = element("benchmark-result", HTMLElement);
  start.disabled = true;
  result.replaceChildren();
  const sample = await (await fetch("samples/coffee.jpg")).blob();
  /** @type {import("./faster_engine.js").Times} */
  const times = {};
  for (const device of /** @type {const} */ (["cpu", "webgpu"])) {
    const engine = text(`engine.${device}`);
    const line = make("p", { textContent: text("bench.running", { engine }) });
    result.append(line);
    try {
      const ms = await measureEngine(sample, style, device, times.cpu);
      times[device] = ms;
      const isSlower = ms === Infinity;
      line.textContent = isSlower
        ? text("bench.slower", { engine })
        : text("bench.result", { engine, ms: Math.round(ms) });
    } catch (thrown) {
      const why = wordsFor(thrown instanceof NijigenError ? thrown.code : undefined);
      line.textContent = text("bench.failed", { engine, why });
    }
  }
  start.disabled = false;
  const fastest = useFaster(times);
  const words = fastest ? text("bench.chosen", { engine: text(`engine.${fastest}`) }) : text("bench.none");
  result.append(make("p", { textContent: words }));
  return fastest !== undefined;
}

/**
 * @param {Blob} sample
 * @param {Style} style
 * @param {"cpu" | "webgpu"} device
 * @param {number} [cpuMs]
 */
async function measureEngine(sample, { style, variant }, device, cpuMs) {
  // Both engines draw with the same network.
  const stylizer = await createStylizer({ style, variant: variant === "auto" ? "compact" : variant, device });
  try {
    return await measure(stylizer, sample, SIZE_PX, { cpuMs });
  } finally {
    stylizer.dispose();
  }
}
