/**
 * What each engine does on this device: known answers, the adapter's limits and times, as text to copy.
 * `?variants=tiny` tests only these networks, `?sizes=64,128` draws squares of these sides.
 */

import { NijigenError, capabilities, createStylizer, listLooks } from "../nijigen/index.js";
import { element } from "./dom.js";
import { onLanguage, startLanguage, text } from "./language.js";

/** @typedef {Awaited<ReturnType<typeof listLooks>>[number]["networks"][number]} Network */

const query = new URLSearchParams(location.search);
const VARIANTS = (query.get("variants") ?? "tiny,compact,full").split(",");
const SIZES_PX = (query.get("sizes") ?? "128,256,512,1024").split(",").map(Number);

/** Engines, and what they are asked to do beside their defaults. */
const ENGINES = /** @type {const} */ ([
  { name: "webgpu", device: "webgpu", precision: "f32" },
  { name: "cpu", device: "cpu", precision: "f32" },
  { name: "cpu with 8-bit products", device: "cpu", precision: "int8" },
]);

/** No picture is begun that is likely to take longer. */
const MOST_MS = 20_000;
/** The fastest of as many pictures counts. */
const REPEATS = 3;

/** Limits of an adapter on which it depends how large a picture may be, and whether the engine runs at all. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
  "minStorageBufferOffsetAlignment",
];

const ui = {
  start: element("selftest-start", HTMLButtonElement),
  copy: element("selftest-copy", HTMLButtonElement),
  status: element("selftest-status", HTMLElement),
  report: element("selftest-report", HTMLPreElement),
};

/** What is said, to be said again in another language. */
let say = () => "";
/** @param {() => string} words */
function tell(words) {
  say = words;
  ui.status.textContent = say();
}

/** @param {string} line */
function write(line) {
  ui.report.textContent += `${line}\n`;
}

/** @param {unknown} thrown */
function why(thrown) {
  return thrown instanceof NijigenError ? `${thrown.code}: ${thrown.message}` : String(thrown);
}

async function describeDevice() {
  write(`Nijigen self-test, ${new Date().toISOString()}`);
  const response = await fetch("nijigen/wasm/manifest.json");
  /** @type {{files: Record<string, {sha256: string, bytes: number}>}} */
  const { files } = await response.json();
  for (const [path, { sha256, bytes }] of Object.entries(files)) {
    write(`  ${path.split("/")[0]}: ${bytes} bytes, ${sha256.slice(0, 16)}`);
  }
  const { deviceMemory } = /** @type {any} */ (navigator);
  write(`browser: ${navigator.userAgent}`);
  write(`memory: ${deviceMemory ? `${deviceMemory} GB or more` : "not told"}; cores: ${navigator.hardwareConcurrency}`);
  const { adapter, fallbackAdapter, threads, crossOriginIsolated, simd, relaxedSimd } = await capabilities();
  write(`threads: ${threads}; cross-origin isolated: ${crossOriginIsolated}; SIMD: ${simd}; relaxed SIMD: ${relaxedSimd}`);
  write(`WebGPU adapter: ${adapter ?? "none"}${fallbackAdapter ? ", emulated in software" : ""}`);
  const gpu = await /** @type {any} */ (navigator).gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!gpu) return;
  for (const limit of LIMITS) write(`  ${limit}: ${gpu.limits[limit]}`);
  write(`  features: ${[...gpu.features].join(", ") || "none"}`);
}

/**
 * Known answer and times of a network on an engine.
 * @param {Network} network
 * @param {typeof ENGINES[number]} engine
 * @param {Blob} sample
 */
async function testEngine(network, { name, device, precision }, sample) {
  const about = `${name}, ${network.name} (${network.variant})`;
  tell(() => text("selftest.running", { what: about }));
  const startedAt = performance.now();
  /** @type {Awaited<ReturnType<typeof createStylizer>> | undefined} */
  let stylizer;
  try {
    stylizer = await createStylizer({ style: network.name, device, precision, allowFallbackAdapter: true });
    write(`${about}: started in ${rounded(performance.now() - startedAt)} ms`);
    const error = await stylizer.selfCheck();
    write(`  known answer: ${error === undefined ? "the style has none" : `off by ${error.toExponential(1)}`}`);
    await time(stylizer, sample);
  } catch (thrown) {
    write(`${stylizer ? " " : `${about}:`} failed, ${why(thrown)}`);
  } finally {
    stylizer?.dispose();
  }
}

/** @param {Awaited<ReturnType<typeof createStylizer>>} stylizer @param {Blob} sample */
async function time(stylizer, sample) {
  const { engine } = stylizer;
  let msPerPixel = 0;
  for (const side of SIZES_PX) {
    if (msPerPixel * side * side > MOST_MS) return write(`  ${side} x ${side}: not drawn, it would take long`);
    const bitmap = await createImageBitmap(sample, { resizeWidth: side, resizeHeight: side });
    const times = [];
    for (let i = 0; i < REPEATS; i++) {
      const picture = await stylizer.stylize(bitmap, { size: side, output: "imagedata" });
      if (picture.engine !== engine) {
        return write(`  ${side} x ${side}: drawn by ${picture.engine}, for ${picture.fellBackCode}: ${picture.fellBack}`);
      }
      times.push(picture.elapsedMs);
      if (times[0] > MOST_MS / REPEATS) break;
    }
    const best = Math.min(...times);
    msPerPixel = best / (side * side);
    write(`  ${side} x ${side}: ${rounded(best)} ms (at first ${rounded(times[0])})`);
  }
}

/** @param {number} ms */
const rounded = (ms) => ms.toFixed(ms < 10 ? 1 : 0);

async function run() {
  ui.start.disabled = ui.copy.disabled = true;
  ui.report.textContent = "";
  try {
    await describeDevice();
    const sample = await (await fetch("samples/coffee.jpg")).blob();
    // The look of which there are most sizes.
    const looks = [...(await listLooks())].sort((a, b) => b.networks.length - a.networks.length);
    for (const variant of VARIANTS) {
      const network = looks[0]?.networks.find((other) => other.variant === variant);
      if (!network) continue;
      for (const engine of ENGINES) await testEngine(network, engine, sample);
    }
  } catch (thrown) {
    write(`the self-test failed: ${why(thrown)}`);
  }
  write("end");
  tell(() => text("selftest.done"));
  ui.start.disabled = ui.copy.disabled = false;
}

ui.start.addEventListener("click", () => void run());
ui.copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(ui.report.textContent ?? "");
    tell(() => text("copy.done"));
  } catch {
    // It can be copied by hand.
    getSelection()?.selectAllChildren(ui.report);
    tell(() => text("selftest.byHand"));
  }
});
onLanguage(() => (ui.status.textContent = say()));
await startLanguage();
