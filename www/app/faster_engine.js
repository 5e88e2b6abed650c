/** Which engine is faster on this device, as it was measured: what "Automatic" takes. */

import { NijigenError, capabilities, createStylizer } from "../nijigen/index.js";
import { recall, remember } from "./memory.js";

/** @typedef {import("../nijigen/index.js").Device} Device */
/** @typedef {Awaited<ReturnType<typeof createStylizer>>} Stylizer */
/** @typedef {"cpu" | "webgpu"} EngineName */
/** @typedef {Partial<Record<EngineName, number>>} Times in ms */

/** A GPU has lost when it takes longer by this. Its first picture finds out how much it can do at a time. */
const LOST = { factor: 1.5, firstFactor: 8, ms: 200 };
/** The fastest of as many pictures counts, after a first one. */
const REPEATS = 3;

/** What a measurement holds for. */
let circumstances = "";
/** @type {EngineName | undefined} */
let faster;

/** Recalls what was measured with this GPU and this release of the engines. */
export async function recallFaster() {
  circumstances = await describe().catch(() => "");
  const [engine, ...rest] = recall("faster").split(" ");
  const isKnown = (engine === "cpu" || engine === "webgpu") && rest.join(" ") === circumstances;
  faster = isKnown && circumstances ? engine : undefined;
}

/** The GPU, and the release of the engines. */
async function describe() {
  const [{ adapter }, response] = await Promise.all([capabilities(), fetch("nijigen/wasm/manifest.json")]);
  /** @type {{files: Record<string, {sha256: string}>}} */
  const { files } = await response.json();
  const release = Object.values(files).map(({ sha256 }) => sha256.slice(0, 8));
  return `${release.join("-")} ${adapter ?? "no GPU"}`;
}

/** Whether "Automatic" knows the faster engine. */
export const isMeasured = () => faster !== undefined;

/** The engine for what is chosen. @param {Device} device @returns {Device} */
export function chosenDevice(device) {
  return device === "auto" && faster === "cpu" ? "cpu" : device;
}

/** @param {Times} times of the engines that work @returns {EngineName | undefined} the faster one, from now on */
export function useFaster({ cpu = Infinity, webgpu = Infinity }) {
  faster = cpu === webgpu ? undefined : cpu < webgpu ? "cpu" : "webgpu";
  if (faster && circumstances) remember("faster", `${faster} ${circumstances}`);
  return faster;
}

/**
 * @param {Stylizer} stylizer
 * @param {Blob} sample
 * @param {number} sizePx of the squares that are drawn
 * @param {object} [options]
 * @param {number} [options.cpuMs] what the CPU takes: a GPU that is slower is not waited for
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<number>} ms, or Infinity if it is slower than the CPU
 * @throws {NijigenError} if another engine than this had to draw
 */
export async function measure(stylizer, sample, sizePx, { cpuMs = Infinity, signal } = {}) {
  const { engine } = stylizer;
  const bitmap = await createImageBitmap(sample, { resizeWidth: sizePx, resizeHeight: sizePx });
  let best = Infinity;
  for (let i = 0; i <= REPEATS; i++) {
    const limit = limited(cpuMs * (i ? LOST.factor : LOST.firstFactor) + LOST.ms, signal);
    try {
      const picture = await stylizer.stylize(bitmap, { size: sizePx, output: "imagedata", signal: limit.signal });
      if (picture.engine !== engine) {
        throw new NijigenError(picture.fellBackCode ?? "engine-failed", picture.fellBack ?? "another engine drew");
      }
      if (i) best = Math.min(best, picture.elapsedMs);
    } catch (thrown) {
      if (!limit.isOver() || signal?.aborted) throw thrown;
      return best;
    } finally {
      limit.end();
    }
  }
  return best;
}

/**
 * A signal that is aborted after some time, or with another one.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
function limited(ms, signal) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = Number.isFinite(ms) ? setTimeout(abort, ms) : undefined;
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    isOver: () => controller.signal.aborted,
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    },
  };
}

/** Sides of the picture that is measured without being asked for. */
const QUIET_SIZE_PX = 256;

/**
 * Measures the CPU beside a GPU that is ready; the faster one is used from then on. Nothing is to be drawn meanwhile: the
 * signal ends it then, and nothing is known.
 * @param {Stylizer} gpu
 * @param {string} style that it draws
 * @param {AbortSignal} signal
 */
export async function measureQuietly(gpu, style, signal) {
  const sample = await (await fetch("samples/coffee.jpg")).blob();
  // Both engines draw with the same network.
  const cpu = await createStylizer({ style, variant: gpu.variant, device: "cpu", signal });
  let cpuMs;
  try {
    cpuMs = await measure(cpu, sample, QUIET_SIZE_PX, { signal });
  } finally {
    cpu.dispose();
  }
  const webgpu = await measure(gpu, sample, QUIET_SIZE_PX, { cpuMs, signal });
  if (!signal.aborted) useFaster({ cpu: cpuMs, webgpu });
}
