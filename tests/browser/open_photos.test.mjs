/** How often a photo is decoded and its pixels are copied: once, and where nothing can be moved. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { DIE_WHEN_TOLD, ROOT, convert, openPage, openPlain, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";
import { adapter, playGpu } from "./played_gpu.mjs";

/** The photo that is made for these tests: an astronaut with some room beside her. */
const [WIDTH, HEIGHT] = [640, 540];
const PIXEL_BYTES = 4 * WIDTH * HEIGHT;

/**
 * Tells how often this thread decodes, and what it does with buffers as large as the photo's pixels: "cloned" and
 * "transferred" by messages, "read" from a canvas and "written" to one.
 */
const COUNT = `{
  const counts = new BroadcastChannel("counts");
  const count = (what, size) => {
    if (size === ${PIXEL_BYTES}) counts.postMessage(what);
  };
  const wrap = (owner, name, look) => {
    const original = owner[name];
    owner[name] = function (...values) {
      look(...values);
      return original.apply(this, values);
    };
  };
  const countMessage = (message, options = []) => {
    const transfer = Array.isArray(options) ? options : options.transfer ?? [];
    const { content, result } = message ?? {};
    for (const value of [message, content, result].flatMap((part) => (ArrayBuffer.isView(part) ? part : Object.values(part ?? {})))) {
      if (ArrayBuffer.isView(value)) count(transfer.includes(value.buffer) ? "transferred" : "cloned", value.byteLength);
    }
  };
  wrap(MessagePort.prototype, "postMessage", countMessage);
  if (globalThis.Worker) wrap(Worker.prototype, "postMessage", countMessage);
  if (!globalThis.document) {
    wrap(globalThis, "postMessage", countMessage);
    // The encoder is tried with a tiny file.
    wrap(globalThis, "createImageBitmap", ({ size }) => size > 8192 && counts.postMessage("decoded"));
  }
  const canvas = OffscreenCanvasRenderingContext2D.prototype;
  wrap(canvas, "getImageData", (x, y, width, height) => count("read", 4 * width * height));
  wrap(canvas, "putImageData", ({ data }) => count("written", data.byteLength));
}`;

const browser = freshBrowser();

/**
 * Runs `body` in a document of the page's origin. It sees `stylizer` on the CPU, `photo` (a file) and `astronaut`
 * (a smaller one), `size`, which are options of a small picture, `failure`, and `counted`, which tells what was done
 * to the photo's pixels since it was asked last.
 * @param {string} body of an asynchronous function
 * @param {string} [sabotage] what the engine's worker runs before its own script
 * @returns {Promise<any>} what it returns
 */
async function run(body, sabotage = "") {
  await prependToWorker(browser, COUNT + sabotage);
  await prependToWorker(browser, COUNT, "face_worker");
  await openPlain(browser);
  return browser.page.evaluate(`(async () => {
    const astronaut = await (await fetch("/samples/astronaut.jpg")).blob();
    const canvas = new OffscreenCanvas(${WIDTH}, ${HEIGHT});
    canvas.getContext("2d").drawImage(await createImageBitmap(astronaut), 0, 0);
    const photo = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
    ${COUNT}
    let counts = {};
    new BroadcastChannel("counts").onmessage = ({ data }) => (counts[data] = (counts[data] ?? 0) + 1);
    const counted = async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const now = counts;
      counts = {};
      return now;
    };
    const failure = (promise) => promise.then(() => "it succeeded", ({ code }) => code);
    const { createStylizer } = await import("/nijigen/index.js");
    const stylizer = await createStylizer({ device: "cpu", variant: "tiny" });
    const size = { size: 320, output: "imagedata" };
    try {
      ${body}
    } finally {
      stylizer.dispose();
    }
  })()`);
}

/** Decoded, and read from the decoder's canvas. */
const OPENED = { decoded: 1, read: 1 };
/** To the faces' worker and back, and onto the canvas there. */
const LENT = { transferred: 2, written: 1 };

test("a picture with faces: one decoded photo, whose pixels move", async (t) => {
  const made = await run(`
    const { faces } = await stylizer.stylize(photo, { ...size, faces: "both" });
    return { outcomes: faces.map(({ outcome }) => outcome), counts: await counted() };`);
  t.diagnostic(`${WIDTH} × ${HEIGHT}: ${JSON.stringify(made.counts)}`);
  assert.deepEqual(made.outcomes, ["done"]);
  assert.deepEqual(made.counts, { ...OPENED, ...LENT });
});

test("an open photo is decoded once for all that is made of it, and again after it was closed", async () => {
  const made = await run(`
    const open = stylizer.open(photo);
    const queue = stylizer.queue();
    const jobs = [{ size: 64 }, { ...size, faces: "both" }, { ...size, faces: "faces" }].map((how) => queue.add(open, how));
    const pictures = await Promise.all(jobs.map(({ done }) => done));
    const faces = await stylizer.detectFaces(open);
    const whole = await counted();
    open.close();
    await stylizer.stylize(open, size);
    await stylizer.stylize(open, size);
    return { whole, closed: await counted(), sizes: pictures.map(({ width }) => width), faces: faces.length };`);
  assert.deepEqual(made.whole, { ...OPENED, transferred: 6, written: 3 });
  assert.deepEqual(made.closed, { decoded: 2, read: 2 });
  assert.deepEqual([made.sizes, made.faces], [[64, 320, 320], 1]);
});

test("the worker holds one photo's pixels: another one displaces them", async () => {
  const made = await run(`
    const open = stylizer.open(photo);
    await stylizer.stylize(open, size);
    await stylizer.stylize(astronaut, size);
    const before = await counted();
    await stylizer.stylize(open, size);
    return [before.decoded, (await counted()).decoded];`);
  assert.deepEqual(made, [2, 1]);
});

test("a provider of the host gets a copy, which is its own", async () => {
  const made = await run(`
    const seen = [];
    const faceProvider = {
      async detect(image) {
        seen.push([image.width, image.height]);
        image.data.fill(0);
        structuredClone(image.data, { transfer: [image.data.buffer] });
        return [];
      },
    };
    const plain = await stylizer.stylize(photo, size);
    await counted();
    const both = await stylizer.stylize(photo, { ...size, faces: "both", faceProvider });
    const counts = await counted();
    return { seen, counts, isSame: plain.imageData.data.join() === both.imageData.data.join() };`);
  assert.deepEqual(made, { seen: [[WIDTH, HEIGHT]], counts: { ...OPENED, transferred: 1 }, isSame: true });
});

test("what was lost with a worker, or lent when the search was given up, is decoded again", async () => {
  const made = await run(
    `
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const open = stylizer.open(photo);
    const known = await stylizer.detectFaces(open);
    await counted();
    new BroadcastChannel("test").postMessage("die");
    await wait(500);
    await stylizer.stylize(open, { ...size, faces: "both", landmarks: known });
    const died = await counted();

    const controller = new AbortController();
    const aborted = failure(stylizer.detectFaces(open, { signal: controller.signal }));
    await wait(20);
    controller.abort();
    const code = await aborted;
    await counted();
    const faces = await stylizer.detectFaces(open);
    const { width } = await stylizer.stylize(open, size);
    return { died, code, faces: faces.length, width, given: (await counted()).decoded };`,
    DIE_WHEN_TOLD,
  );
  assert.deepEqual(made, { died: OPENED, code: "cancelled", faces: 1, width: 320, given: 1 });
});

test("a GPU that is lost in the middle: the CPU opens the photo itself, whose faces are known", async () => {
  await playGpu(browser, `throw fail("gpu-lost");`);
  const made = await run(
    `
    ${adapter("test")}
    const onGpu = await createStylizer({ variant: "tiny", cache: false });
    const before = onGpu.engine;
    const { engine, fellBackCode, faces } = await onGpu.stylize(photo, { ...size, faces: "both" });
    onGpu.dispose();
    return { engines: [before, engine], fellBackCode, outcomes: faces.map(({ outcome }) => outcome), counts: await counted() };`,
    adapter("test"),
  );
  assert.deepEqual(made, {
    engines: ["webgpu", "cpu"],
    fellBackCode: "gpu-lost",
    outcomes: ["done"],
    counts: { ...LENT, decoded: 2, read: 2 },
  });
});

test("the page: preview, faces and full picture of a photo are one decoded photo", async () => {
  const { page } = browser;
  await prependToWorker(browser, COUNT);
  await prependToWorker(browser, COUNT, "face_worker");
  await openPage(browser);
  await page.selectOption("#size", "768");
  await page.check("#faces input[value=both]");
  await page.evaluate(() => {
    const counts = /** @type {string[]} */ ([]);
    Object.assign(window, { counts });
    new BroadcastChannel("counts").onmessage = ({ data }) => counts.push(data);
  });
  const made = await convert(page, join(ROOT, "www/samples/astronaut.jpg"));
  assert.match("status" in made ? made.status : made.error, /1 face drawn/);
  const counts = await page.evaluate(() => /** @type {any} */ (window).counts);
  assert.deepEqual(counts, ["decoded"]);
});
