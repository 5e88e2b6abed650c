/** The package as an embedding page uses it: cancelling, other sources, failures, and no WebGPU. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import { convert, fixture, openBrowser, openPage, openPlain, photo, prependToWorker } from "./browser.mjs";

/** @type {import("./browser.mjs").Browser} */
let browser;
before(async () => {
  browser = await openBrowser();
});
afterEach(() => browser.context.unrouteAll({ behavior: "ignoreErrors" }));
after(() => browser.close());

/**
 * Runs `body` in a document of the page's origin. It sees `createStylizer`, `photo` (a 64 pixel
 * photo), `large` (a photo that takes seconds) and `failure`, which waits for a promise's error.
 * @param {string} body of an asynchronous function
 * @returns {Promise<any>} what it returns
 */
async function run(body) {
  await openPlain(browser);
  const base64 = (await readFile(fixture("astronaut-64.png"))).toString("base64");
  return browser.page.evaluate(`(async () => {
    const { createStylizer } = await import("/nijigen/index.js");
    const photo = new File([Uint8Array.from(atob("${base64}"), (c) => c.charCodeAt(0))], "p.png");
    const large = await (await fetch("/samples/astronaut.jpg")).blob();
    const failure = (promise) => promise.then(
      () => ({ code: "", message: "it succeeded" }),
      ({ code, message }) => ({ code, message }),
    );
    ${body}
  })()`);
}

test("the example of the README: a file becomes a PNG", async () => {
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const { blob, width, height, engine, elapsedMs } = await stylizer.stylize(photo);
    const bitmap = await createImageBitmap(blob);
    stylizer.dispose();
    const { code } = await failure(stylizer.stylize(photo));
    return { type: blob.type, width, height, engine, elapsedMs, decoded: bitmap.width, code };`);
  assert.deepEqual([made.type, made.width, made.height, made.decoded], ["image/png", 64, 64, 64]);
  assert.equal(made.engine, "cpu");
  assert.ok(made.elapsedMs > 0);
  assert.equal(made.code, "cancelled", "a stylizer that was disposed of took a photo");
});

test("pixels and bitmaps give the same picture as the file, and stay the caller's", async () => {
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const bitmap = await createImageBitmap(photo);
    const canvas = new OffscreenCanvas(64, 64).getContext("2d");
    canvas.drawImage(bitmap, 0, 0);
    const pixels = canvas.getImageData(0, 0, 64, 64);
    const pictures = [];
    for (const source of [photo, bitmap, pixels]) {
      const { imageData } = await stylizer.stylize(source, { output: "imagedata" });
      pictures.push([...imageData.data].join());
    }
    stylizer.dispose();
    return { kinds: new Set(pictures).size, left: pixels.data.length, bitmap: bitmap.width };`);
  assert.deepEqual(made, { kinds: 1, left: 64 * 64 * 4, bitmap: 64 });
});

test("the longer side is limited", async () => {
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const { width, height } = await stylizer.stylize(photo, { longSide: 40 });
    const wrong = await failure(stylizer.stylize(photo, { longSide: 0 }));
    const missing = await failure(stylizer.stylize("photo.jpg"));
    stylizer.dispose();
    return { width, height, wrong: wrong.message, missing: missing.code };`);
  assert.deepEqual([made.width, made.height], [40, 40]);
  assert.match(made.wrong, /longSide is 0/);
  assert.equal(made.missing, "photo-missing");
});

test("a photo can be cancelled while it runs and while it waits; the next one works", async () => {
  const made = await run(`
    let workers = 0;
    globalThis.Worker = class extends Worker {
      constructor(...parameters) {
        super(...parameters);
        workers += 1;
      }
    };
    const stylizer = await createStylizer({ device: "cpu" });
    const { elapsedMs: uninterrupted } = await stylizer.stylize(large);
    const running = new AbortController();
    const waiting = new AbortController();
    let started;
    const underWay = new Promise((resolve) => (started = resolve));
    const first = failure(stylizer.stylize(large, { signal: running.signal, onProgress: started }));
    const second = failure(stylizer.stylize(large, { signal: waiting.signal }));
    const third = stylizer.stylize(photo);
    await underWay;
    const before = performance.now();
    waiting.abort();
    const codes = [(await second).code];
    running.abort();
    codes.push((await first).code);
    const waited = performance.now() - before;
    codes.push((await failure(stylizer.stylize(photo, { signal: running.signal }))).code);
    const { width } = await third;
    const freed = performance.now() - before;
    stylizer.dispose();
    return { codes, waited, width, freed, uninterrupted, workers };`);
  assert.deepEqual(made.codes, ["cancelled", "cancelled", "cancelled"]);
  assert.ok(made.waited < 500, `cancelling took ${made.waited} ms`);
  assert.equal(made.width, 64);
  assert.ok(
    made.freed < made.uninterrupted / 2,
    `the engine was busy for ${made.freed} ms more; a whole photo takes ${made.uninterrupted} ms`,
  );
  assert.equal(made.workers, 1, "the engine was loaded again");
});

test("starting can be cancelled", async () => {
  const made = await run(`
    const controller = new AbortController();
    const starting = failure(createStylizer({ device: "cpu", signal: controller.signal }));
    controller.abort();
    const aborted = await starting;
    return [aborted.code, (await failure(createStylizer({ signal: AbortSignal.abort() }))).code];`);
  assert.deepEqual(made, ["cancelled", "cancelled"]);
});

test("a browser without WebGPU: an error in words if it was asked for, else the CPU", async () => {
  await prependToWorker(browser, `Object.defineProperty(navigator, "gpu", { value: undefined });`);
  const made = await run(`
    const asked = await failure(createStylizer({ device: "webgpu" }));
    const stylizer = await createStylizer();
    const { engine, fellBack } = await stylizer.stylize(photo);
    stylizer.dispose();
    return { asked, engine, fellBack };`);
  assert.equal(made.asked.code, "gpu-unavailable");
  assert.match(made.asked.message, /no WebGPU/);
  assert.equal(made.engine, "cpu");
  assert.match(made.fellBack, /no WebGPU/);
});

test("a trap in the engine fails one photo only", async () => {
  let served = 0;
  await browser.context.route("**/wasm/cpu*/nijigen.js", async (route) => {
    const response = await route.fetch();
    // What a panic looks like: the promise stays pending, the trap is an unhandled rejection.
    const trap = `Stylizer.prototype.stylize = () => {
      Promise.reject(new WebAssembly.RuntimeError("unreachable"));
      return new Promise(() => {});
    };`;
    const body = await response.text();
    await route.fulfill({ response, body: served++ === 0 ? body + trap : body });
  });
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const trapped = await failure(stylizer.stylize(photo));
    const { width } = await stylizer.stylize(photo);
    stylizer.dispose();
    return { trapped, width };`);
  assert.equal(made.trapped.code, "engine-failed");
  assert.match(made.trapped.message, /unreachable/);
  assert.equal(made.width, 64);
});

test("a worker that dies while it waits is replaced without a word", async () => {
  await prependToWorker(
    browser,
    `new BroadcastChannel("test").onmessage = () => { throw new Error("sabotage"); };`,
  );
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    await stylizer.stylize(photo);
    new BroadcastChannel("test").postMessage("die");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { width } = await stylizer.stylize(photo);
    stylizer.dispose();
    return width;`);
  assert.equal(made, 64);
});

test("styles: by address, and refused where name, size or contents are wrong", async () => {
  const { styles } = await (await fetch(`${browser.url}styles/manifest.json`)).json();
  const [{ file, sha256 }] = styles;
  const made = await run(`
    const url = "/styles/${file}";
    const stylizer = await createStylizer({ device: "cpu", style: { url, sha256: "${sha256}" } });
    const { name } = stylizer.style;
    stylizer.dispose();
    const wrongHash = { url, sha256: "${sha256.replace(/./g, "0")}" };
    return {
      name,
      hash: await failure(createStylizer({ device: "cpu", style: wrongHash })),
      missing: await failure(createStylizer({ device: "cpu", style: { url: "/styles/none" } })),
      unknown: await failure(createStylizer({ device: "cpu", style: "no-such-style" })),
    };`);
  assert.equal(made.name, styles[0].name);
  assert.equal(made.hash.code, "style-hash");
  assert.equal(made.missing.code, "load-failed");
  assert.match(made.missing.message, /status 404/);
  assert.equal(made.unknown.code, "style-invalid");
  assert.match(made.unknown.message, /no style "no-such-style".*ink/);
});

test("a style from a stale cache is loaded again", async () => {
  let served = 0;
  await browser.context.route("**/styles/*.safetensors", async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    if (served++ === 0) body[body.length - 1] ^= 1;
    await route.fulfill({ response, body });
  });
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const { width } = await stylizer.stylize(photo);
    stylizer.dispose();
    return width;`);
  assert.deepEqual([made, served], [64, 2]);
});

for (const { what, change, words } of [
  { what: "SHA-256", change: { sha256: "0".repeat(64) }, words: /SHA-256 is .*, expected 0000/ },
  { what: "size", change: { bytes: 12345 }, words: /has \d+ bytes, expected 12345/ },
]) {
  test(`the page says so if a style has not the ${what} that is listed, and tries again`, async () => {
    await browser.context.route("**/styles/manifest.json", async (route) => {
      const response = await route.fetch();
      const manifest = await response.json();
      Object.assign(manifest.styles[0], change);
      // Without the original's ETag, under which the browser would keep this.
      await route.fulfill({ json: manifest });
    });
    await openPage(browser);
    const refused = await convert(browser.page, photo("plain.png"));
    assert.match("error" in refused ? refused.error : "", words);
    await browser.context.unrouteAll({ behavior: "ignoreErrors" });
    const again = await convert(browser.page, photo("plain.png"));
    assert.match("status" in again ? again.status : again.error, /96 × 96/);
  });
}
