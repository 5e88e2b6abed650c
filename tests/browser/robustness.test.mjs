/** A hundred photos, a worker that crashes among them, and a GPU that is lost. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { TELL_MEMORY, openBrowser, openPlain, prependToWorker } from "./browser.mjs";

/** Input is answered within this time. */
const PATIENCE_MS = 100;
/** What objects may grow by from the tenth photo to the hundredth: less than a photo's pixels each. */
const GROWTH_LIMIT_BYTES = 1e6;

/** @type {import("./browser.mjs").Browser} */
let browser;
afterEach(() => browser.close());

/**
 * Runs `body` in a document of the page's origin. It sees `stylizer`, and `makePhotos(count)`, which
 * makes PNG files of 64 to 96 pixels a side, the first the largest.
 * @param {object} options of createStylizer
 * @param {string} body of an asynchronous function
 * @returns {Promise<any>} what it returns
 */
async function run(options, body) {
  await openPlain(browser);
  return browser.page.evaluate(`(async () => {
    const { createStylizer } = await import("/nijigen/index.js");
    const makePhotos = (count) => Promise.all(Array.from({ length: count }, (_, i) => {
      const canvas = new OffscreenCanvas(96 - (i % 33), 96 - (i % 29));
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
  await prependToWorker(browser, TELL_MEMORY);
  const made = await run({ device: "cpu", threads: 1 }, `
    const engineBytes = [];
    new BroadcastChannel("memory").onmessage = ({ data }) => engineBytes.push(data);
    const photos = await makePhotos(100);
    for (const i of [3, 40, 77]) photos[i] = photos[i].slice(0, 60);
    const queue = stylizer.queue();

    // The longest time for which a message to the page, or an input, has waited for its turn.
    let [worstMs, turns, isOver] = [0, 0, false];
    const { port1, port2 } = new MessageChannel();
    let sentAt = performance.now();
    port1.onmessage = () => {
      worstMs = Math.max(worstMs, performance.now() - sentAt);
      turns += 1;
      if (!isOver) setTimeout(() => port2.postMessage(sentAt = performance.now()), 4);
    };
    port2.postMessage(0);

    const jobs = photos.map((photo) => queue.add(photo));
    const measure = async () => (await performance.measureUserAgentSpecificMemory()).bytes;
    await Promise.allSettled(jobs.slice(0, 10).map(({ done }) => done));
    const tenth = await measure();
    await queue.idle();
    isOver = true;
    const last = await measure();
    return {
      tenth, last, engineBytes, worstMs, turns,
      outcomes: jobs.map(({ state, attempts, error }) => [state, attempts, error?.code ?? ""].join(" ").trim()),
    };`);
  const expected = Array.from({ length: 100 }, (_, i) =>
    [3, 40, 77].includes(i) ? "failed 1 photo-unreadable" : "done 1",
  );
  assert.deepEqual(made.outcomes, expected);
  const growth = made.last - made.tenth;
  const [engineTenth, engineLast] = [made.engineBytes[10], made.engineBytes.at(-1)];
  t.diagnostic(`objects: ${made.tenth} bytes after 10 photos, ${made.last} after 100`);
  t.diagnostic(`engine: ${engineTenth} bytes after 10 photos, ${engineLast} after 99`);
  t.diagnostic(`longest wait: ${made.worstMs.toFixed(1)} ms in ${made.turns} turns`);
  assert.ok(growth < GROWTH_LIMIT_BYTES, `objects have grown by ${growth} bytes`);
  assert.ok(engineTenth > 1e6, `the engine's memory is not seen: ${engineTenth}`);
  assert.equal(engineLast, engineTenth, "the engine's memory has grown");
  assert.ok(made.turns > 100, `the page had ${made.turns} turns only`);
  assert.ok(made.worstMs < PATIENCE_MS, `an input would have waited for ${made.worstMs} ms`);
});

test("a worker that crashes is replaced, and only its photo tried again", async () => {
  browser = await openBrowser();
  // The first worker crashes at its third photo; the second one has two left.
  await prependToWorker(browser, `
    let photos = 0;
    addEventListener("message", ({ data }) => {
      if (data.type === "stylize" && ++photos === 3) setTimeout(() => { throw new Error("sabotage"); }, 0);
    });`);
  const attempts = await run({ device: "cpu" }, `
    const queue = stylizer.queue();
    const jobs = (await makePhotos(4)).map((photo) => queue.add(photo));
    await queue.idle();
    return jobs.map(({ state, attempts }) => state + " " + attempts);`);
  assert.deepEqual(attempts, ["done 1", "done 1", "done 2", "done 1"]);
  assert.equal(browser.requests.filter((url) => url.endsWith("/engine_worker/worker.js")).length, 2);
});

test("a GPU that is lost in the middle: the CPU goes on with the same photo", { timeout: 240_000 }, async (t) => {
  browser = await openBrowser({ webgpu: true });
  await prependToWorker(browser, `
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (...options) {
      const device = await requestDevice.apply(this, options);
      let photos = 0;
      addEventListener("message", ({ data }) => {
        if (data.type === "stylize" && ++photos === 2) device.destroy();
      });
      return device;
    };`);
  await openPlain(browser);
  const hasAdapter = await browser.page.evaluate(async () =>
    Boolean(await /** @type {any} */ (navigator).gpu?.requestAdapter()),
  );
  if (!hasAdapter) return t.skip("this Chromium offers no WebGPU adapter");
  const made = await run({ style: "ink-tiny", device: "webgpu", allowFallbackAdapter: true }, `
    const queue = stylizer.queue();
    const jobs = (await makePhotos(3)).map((photo) => queue.add(photo, { size: 32 }));
    await queue.idle();
    return jobs.map(({ state, attempts, picture }) => [state, attempts, picture?.engine].join(" "));`);
  assert.deepEqual(made, ["done 1 webgpu", "done 1 cpu", "done 1 cpu"]);
});
