/** A hundred photos, a worker that crashes among them, and a GPU that is lost. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { openBrowser, openPlain, prependToWorker } from "./browser.mjs";

/** Input is answered within this time. */
const PATIENCE_MS = 100;
/** What the script's objects may grow by from the tenth photo to the hundredth. */
const GROWTH_LIMIT_BYTES = 1e6;

/** @type {import("./browser.mjs").Browser} */
let browser;
afterEach(() => browser.close());

/**
 * Runs `body` in a document of the page's origin. It sees `stylizer`, and `makePhotos(count)`, which
 * makes PNG files of 64 to 96 pixels a side, no two the same.
 * @param {object} options of createStylizer
 * @param {string} body of an asynchronous function
 * @returns {Promise<any>} what it returns
 */
async function run(options, body) {
  await openPlain(browser);
  return browser.page.evaluate(`(async () => {
    const { createStylizer } = await import("/nijigen/index.js");
    const makePhotos = (count) => Promise.all(Array.from({ length: count }, (_, i) => {
      const canvas = new OffscreenCanvas(64 + (i % 33), 96 - (i % 29));
      const context = canvas.getContext("2d");
      for (let x = 0; x < 12; x++) {
        context.fillStyle = "hsl(" + (i * 37 + x * 25) + " 70% 60%)";
        context.fillRect(x * 8, (x * i) % 40, 8, 60);
      }
      return canvas.convertToBlob();
    }));
    const stylizer = await createStylizer(${JSON.stringify(options)});
    try {
      ${body}
    } finally {
      stylizer.dispose();
    }
  })()`);
}

test("a hundred photos: flat memory, prompt input, failures passed over", { timeout: 240_000 }, async (t) => {
  browser = await openBrowser({ flags: ["--enable-blink-features=ForceEagerMeasureMemory"] });
  // The engine's memory, shared with its threads, is told after each photo.
  await prependToWorker(browser, `
    const Memory = WebAssembly.Memory;
    let memory;
    WebAssembly.Memory = function (...options) { return (memory = new Memory(...options)); };
    const channel = new BroadcastChannel("memory");
    addEventListener("message", () => channel.postMessage(memory?.buffer.byteLength ?? 0));`);
  const made = await run({ device: "cpu", threads: 2 }, `
    const wasm = [];
    new BroadcastChannel("memory").onmessage = ({ data }) => wasm.push(data);
    const photos = await makePhotos(100);
    for (const i of [3, 40, 77]) photos[i] = photos[i].slice(0, 60);
    const queue = stylizer.queue();

    // Delays of the event loop, which are those of input, and what the conversion's own tasks take.
    let last = performance.now();
    const delays = [];
    let isOver = false;
    const { port1, port2 } = new MessageChannel();
    const tick = () => {
      const now = performance.now();
      delays.push(now - last);
      last = now;
      if (!isOver) setTimeout(() => port2.postMessage(0), 4);
    };
    port1.onmessage = tick;
    tick();

    const heaps = [];
    const measure = async () => heaps.push((await performance.measureUserAgentSpecificMemory()).bytes);
    const jobs = photos.map((photo) => queue.add(photo));
    await Promise.allSettled(jobs.slice(0, 10).map(({ done }) => done));
    queue.pause();
    await measure();
    last = performance.now();
    queue.resume();
    await queue.idle();
    isOver = true;
    await measure();
    delays.sort((a, b) => a - b);
    return {
      heaps, wasm,
      states: jobs.map(({ state }) => state),
      codes: jobs.flatMap(({ error }) => error ? [error.code] : []),
      attempts: jobs.map(({ attempts }) => attempts),
      ticks: delays.length, worst: delays.at(-1), typical: delays[delays.length >> 1],
      p99: delays[Math.floor(delays.length * 0.99)],
    };`);
  const failed = made.states.flatMap((/** @type {string} */ state, /** @type {number} */ i) => (state === "done" ? [] : [i]));
  assert.deepEqual(failed, [3, 40, 77]);
  assert.deepEqual(made.codes, Array(3).fill("photo-unreadable"));
  t.diagnostic(JSON.stringify({ heaps: made.heaps, wasm: [made.wasm[0], made.wasm[10], made.wasm.at(-1)], n: made.wasm.length,
    worst: made.worst, p99: made.p99, typical: made.typical, ticks: made.ticks }));
});
