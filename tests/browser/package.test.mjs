/** The package as an embedding page uses it: cancelling, other sources, failures, and no WebGPU. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { DIE_WHEN_TOLD, convert, fixture, openPage, openPlain, photo, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser();

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

test("the longer side is limited, and wrong options are named", async () => {
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const { width, height } = await stylizer.stylize(photo, { size: 40 });
    const wrong = {};
    for (const [name, value] of Object.entries({ size: 0, strength: 2, quality: NaN, format: "gif" })) {
      wrong[name] = (await failure(stylizer.stylize(photo, { [name]: value }))).message;
    }
    stylizer.dispose();
    return { width, height, wrong };`);
  assert.deepEqual([made.width, made.height], [40, 40]);
  assert.match(made.wrong.size, /size is 0, expected a whole number above 0/);
  assert.match(made.wrong.strength, /strength is 2, expected a number from 0 to 1/);
  assert.match(made.wrong.quality, /quality is NaN/);
  assert.match(made.wrong.format, /format is "gif", expected one of "png", "jpeg", "webp"/);
});

test("addresses, elements, canvases and frames are photos too; what is none is told", async () => {
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const address = "/samples/astronaut.jpg";
    const image = new Image();
    image.src = address;
    await image.decode();
    const { width, height } = image;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const offscreen = new OffscreenCanvas(width, height);
    offscreen.getContext("2d").drawImage(image, 0, 0);
    const frame = new VideoFrame(canvas, { timestamp: 0 });
    const draw = (source) => stylizer.stylize(source, { size: 64, output: "imagedata" });
    const expected = [...(await draw(large)).imageData.data].join();
    const sources = { address, url: new URL(address, location), image, canvas, offscreen, frame };
    // Read when they are given: what becomes of them while they wait does not matter.
    const pictures = Object.entries(sources).map(async ([name, source]) => [name, (await draw(source)).imageData.data]);
    context.fillRect(0, 0, width, height);
    frame.close();
    const same = {};
    for (const [name, data] of await Promise.all(pictures)) same[name] = [...data].join() === expected;
    const errors = {};
    for (const [name, source] of Object.entries({
      missing: "/no-such-photo.jpg",
      number: 42,
      nothing: undefined,
      empty: new Image(),
      closed: frame,
    })) errors[name] = await failure(draw(source));
    stylizer.dispose();
    return { same, errors };`);
  const names = ["address", "url", "image", "canvas", "offscreen", "frame"];
  assert.deepEqual(made.same, Object.fromEntries(names.map((name) => [name, true])));
  const codes = Object.entries(made.errors).map(([name, { code }]) => `${name} ${code}`);
  assert.deepEqual(codes, [
    "missing photo-unreachable",
    "number photo-missing",
    "nothing photo-missing",
    "empty photo-missing",
    "closed photo-missing",
  ]);
  assert.match(made.errors.missing.message, /no-such-photo.jpg.*status 404/);
});

test("a drawing (SVG) is a photo by its address and as an image element", async () => {
  const body = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48" fill="#4060c0"/></svg>`;
  await browser.context.route("**/drawing.svg", (route) => route.fulfill({ contentType: "image/svg+xml", body }));
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const image = new Image();
    image.src = "/drawing.svg";
    await image.decode();
    const pixels = [];
    for (const source of [image, "/drawing.svg"]) {
      const { imageData } = await stylizer.stylize(source, { strength: 0, output: "imagedata" });
      pixels.push([imageData.width, imageData.height, ...imageData.data.slice(0, 4)]);
    }
    stylizer.dispose();
    return pixels;`);
  const blue = [64, 48, 64, 96, 192, 255];
  assert.deepEqual(made, [blue, blue]);
});

test("a mixture with the photo, the photo beside it, and other formats", async () => {
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const pixels = async (options) => (await stylizer.stylize(photo, { output: "imagedata", ...options })).imageData;
    const picture = await pixels({});
    const half = await pixels({ strength: 0.5 });
    const none = await pixels({ strength: 0 });
    const pair = await pixels({ strength: 0.5, sideBySide: true });
    let worst = 0;
    half.data.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - (picture.data[i] + none.data[i]) / 2))));
    const canvas = new OffscreenCanvas(64, 64).getContext("2d");
    canvas.drawImage(await createImageBitmap(photo), 0, 0);
    const original = canvas.getImageData(0, 0, 64, 64).data.join();
    const context = new OffscreenCanvas(128, 64).getContext("2d");
    context.putImageData(pair, 0, 0);
    const left = context.getImageData(0, 0, 64, 64).data.join();
    const right = context.getImageData(64, 0, 64, 64).data.join();
    const files = {};
    for (const format of ["png", "jpeg", "webp"]) {
      const { blob } = await stylizer.stylize(photo, { format });
      const low = (await stylizer.stylize(photo, { format, quality: 0.1 })).blob;
      files[format] = { type: blob.type, smaller: low.size < blob.size };
    }
    const clear = await stylizer.stylize(new ImageData(64, 64), { format: "jpeg" });
    context.drawImage(await createImageBitmap(clear.blob), 0, 0);
    const white = [...context.getImageData(9, 9, 1, 1).data];
    stylizer.dispose();
    return {
      worst, changed: picture.data.join() !== original, none: none.data.join() === original,
      size: [pair.width, pair.height], left: left === original, right: right === half.data.join(), files, white,
    };`);
  assert.ok(made.worst <= 1, `half of each is off by ${made.worst}`);
  assert.deepEqual([made.changed, made.none, made.left, made.right], [true, true, true, true]);
  assert.deepEqual(made.size, [128, 64]);
  assert.deepEqual(made.files, {
    png: { type: "image/png", smaller: false },
    jpeg: { type: "image/jpeg", smaller: true },
    webp: { type: "image/webp", smaller: true },
  });
  assert.deepEqual(made.white, [255, 255, 255, 255]);
});

test("a queue: a crashed worker costs one photo a second try, a bad photo only itself", async () => {
  await prependToWorker(browser, DIE_WHEN_TOLD);
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu" });
    const queue = stylizer.queue();
    let sabotaged = false;
    const jobs = [large, new Blob(["no photo"]), photo].map((source) => queue.add(source, {
      size: source === large ? 384 : 64,
      onProgress: (share) => {
        if (source !== large || share === 0 || sabotaged) return;
        sabotaged = true;
        new BroadcastChannel("test").postMessage("die");
      },
    }));
    await queue.idle();
    stylizer.dispose();
    return jobs.map(({ state, attempts, error, picture }) => [state, attempts, error?.code, picture?.width]);`);
  assert.deepEqual(made, [
    ["done", 2, undefined, 384],
    ["failed", 1, "photo-unreadable", undefined],
    ["done", 1, undefined, 64],
  ]);
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
  /** Of each script, the first worker's is spoilt. @type {Set<string>} */
  const spoilt = new Set();
  await browser.context.route("**/wasm/cpu*/nijigen.js", async (route) => {
    const response = await route.fetch({ maxRetries: 3 });
    // What a panic looks like: the promise stays pending, the trap is an unhandled rejection.
    const trap = `Stylizer.prototype.stylize = () => {
      Promise.reject(new WebAssembly.RuntimeError("unreachable"));
      return new Promise(() => {});
    };`;
    const body = await response.text();
    const url = route.request().url();
    await route.fulfill({ response, body: spoilt.has(url) ? body : body + trap });
    spoilt.add(url);
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
  await prependToWorker(browser, DIE_WHEN_TOLD);
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
    const response = await route.fetch({ maxRetries: 3 });
    const body = await response.body();
    if (served++ === 0) body[body.length - 1] ^= 1;
    await route.fulfill({ response, body });
  });
  const made = await run(`
    const stylizer = await createStylizer({ device: "cpu", cache: false });
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
      const response = await route.fetch({ maxRetries: 3 });
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
