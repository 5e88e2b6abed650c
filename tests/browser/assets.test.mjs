/** Engines and styles: checked by their SHA-256, kept, and fetched ahead. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPlain, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser({ isolated: false });

/**
 * Runs `body` in a document of the package's origin whose Cache storage is empty.
 * @param {string} body of an asynchronous function
 * @returns {Promise<any>} what it returns
 */
async function run(body) {
  await openPlain(browser);
  return browser.page.evaluate(`(async () => {
    await caches.delete("nijigen-assets");
    const { createStylizer, preload, capabilities } = await import("/nijigen/index.js");
    const photo = new ImageData(64, 64);
    const failure = (promise) => promise.then(
      () => ({ code: "", message: "it succeeded" }),
      ({ code, message }) => ({ code, message }),
    );
    ${body}
  })()`);
}

/** Counts what is fetched of engines and styles, and may spoil the first answers. @param {number} [spoilt] */
async function countFetched(spoilt = 0) {
  const fetched = { wasm: 0, styles: 0 };
  await browser.context.route("**/*.wasm", async (route) => {
    const response = await route.fetch({ maxRetries: 3 });
    const body = await response.body();
    if (fetched.wasm++ < spoilt) body[body.length - 1] ^= 1;
    await route.fulfill({ response, body });
  });
  await browser.context.route("**/*.safetensors", async (route) => {
    fetched.styles += 1;
    await route.continue();
  });
  return fetched;
}

test("what was fetched ahead is not fetched again, and a stylizer keeps what it fetched", async () => {
  const fetched = await countFetched();
  const made = await run(`
    const seen = {};
    await preload({ device: "cpu", variant: "compact", onProgress: (key, current, total) => (seen[key] = current / total) });
    const before = (await (await caches.open("nijigen-assets")).keys()).length;
    const stylizer = await createStylizer({ device: "cpu", variant: "compact" });
    const { width } = await stylizer.stylize(photo);
    stylizer.dispose();
    const { code } = await failure(preload({ signal: AbortSignal.abort() }));
    return { seen, before, width, code };`);
  assert.deepEqual(made, { seen: { engine: 1, style: 1 }, before: 2, width: 64, code: "cancelled" });
  assert.deepEqual(fetched, { wasm: 1, styles: 1 });
  const again = await run(`
    for (let i = 0; i < 2; i++) (await createStylizer({ device: "cpu", variant: "compact" })).dispose();
    (await createStylizer({ device: "cpu", variant: "compact", cache: false })).dispose();`);
  assert.equal(again, undefined);
  assert.deepEqual(fetched, { wasm: 3, styles: 3 });
});

test("an engine from a stale cache is fetched again; one that stays wrong is refused", async () => {
  const fetched = await countFetched(1);
  const width = await run(`
    const stylizer = await createStylizer({ device: "cpu", variant: "compact" });
    const { width } = await stylizer.stylize(photo);
    stylizer.dispose();
    return width;`);
  assert.deepEqual([width, fetched.wasm], [64, 2]);
  await browser.context.unrouteAll();
  await countFetched(9);
  const made = await run(`
    return {
      start: await failure(createStylizer({ device: "cpu", variant: "compact" })),
      preload: await failure(preload({ device: "cpu", variant: "compact" })),
      kept: (await (await caches.open("nijigen-assets")).keys()).map(({ url }) => url.includes(".wasm")),
    };`);
  assert.deepEqual([made.start.code, made.preload.code], ["engine-hash", "engine-hash"]);
  assert.match(made.start.message, /cpu.*nijigen_bg.wasm has not the SHA-256 that is listed, [0-9a-f]{64}/);
  assert.ok(!made.kept.includes(true), "a wrong file was kept");
});

test("without Cache storage, as in private windows", async () => {
  await prependToWorker(browser, `Object.defineProperty(globalThis, "caches", { get: () => { throw new Error(); } });`);
  const width = await run(`
    const stylizer = await createStylizer({ device: "cpu", variant: "compact" });
    const { width } = await stylizer.stylize(photo);
    stylizer.dispose();
    return width;`);
  assert.equal(width, 64);
});

test("engine and style come from the folder that the host names", async () => {
  const asked = /** @type {string[]} */ ([]);
  await browser.context.route("**/elsewhere/**", async (route) => {
    const url = route.request().url();
    asked.push(url.slice(url.lastIndexOf("/") + 1));
    await route.fulfill({ response: await route.fetch({ maxRetries: 3, url: url.replace("elsewhere/", "") }) });
  });
  const width = await run(`
    const stylizer = await createStylizer({ device: "cpu", variant: "compact", assets: "/elsewhere" });
    const { width } = await stylizer.stylize(photo);
    stylizer.dispose();
    return width;`);
  assert.equal(width, 64);
  const files = ["manifest.json", "manifest.json", "nijigen_bg.wasm", "sky.safetensors"];
  assert.deepEqual(asked.sort(), files);
});

test("what the browser has, and what a conversion takes", async () => {
  const made = await run(`
    const sky = await createStylizer({ device: "cpu", style: "sky", variant: "compact" });
    const drawnSmall = [];
    for (const size of [768, 4000]) drawnSmall.push((await sky.estimate(4000, 3000, { size })).ms);
    sky.dispose();
    const stylizer = await createStylizer({ device: "cpu", style: "ink", variant: "compact" });
    const first = await stylizer.estimate(4000, 3000, { size: 512 });
    const larger = await stylizer.estimate(4000, 3000, { size: 1024 });
    const faces = await stylizer.estimate(4000, 3000, { size: 1024, faces: "both" });
    const streamed = await stylizer.estimate(6000, 4000, { size: 6000 });
    const { elapsedMs } = await stylizer.stylize(new ImageData(256, 256));
    const measured = await stylizer.estimate(256, 256);
    const wrong = await failure(stylizer.estimate(0, 3));
    stylizer.dispose();
    return { drawnSmall, first, larger, faces, streamed, elapsedMs, measured, wrong: wrong.message, has: await capabilities() };`);
  const { first, larger, faces, streamed, measured } = made;
  assert.ok(first.bytes > 2 * 4 * 12e6 && first.bytes < 1e9, `${first.bytes} bytes`);
  assert.ok(larger.bytes > first.bytes && larger.ms > 3 * first.ms && larger.ms < 5 * first.ms);
  assert.ok(faces.ms > larger.ms);
  // A network that draws at one size works no more for larger pictures.
  assert.equal(made.drawnSmall[0], made.drawnSmall[1]);
  // By the planned work: pictures that do not fit into the memory are made in parts, some of them twice.
  const perPixel = streamed.ms / (6000 * 4000) / (larger.ms / (1024 * 768));
  assert.ok(perPixel > 2 && perPixel < 4, `${perPixel} times the time of a pixel`);
  assert.ok(streamed.bytes < 1.2e9, `${streamed.bytes} bytes`);
  assert.ok(
    measured.ms > made.elapsedMs / 3 && measured.ms < made.elapsedMs * 2,
    `${measured.ms} ms announced after ${made.elapsedMs} ms`,
  );
  assert.match(made.wrong, /width is 0/);
  const { webgpu, fallbackAdapter, ...has } = made.has;
  assert.deepEqual([typeof webgpu, typeof fallbackAdapter], ["boolean", "boolean"]);
  assert.deepEqual(has, { threads: 1, crossOriginIsolated: false, simd: true, relaxedSimd: true });
});
