/** Canvases that are blank beyond a limit, throw, or give noise: the right picture comes all the same, or words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PNG } from "pngjs";
import { convert, download, openPage, openPlain, outcome, photo, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";
import { FORBIDDEN, NOISY_FILES, NO_FRAMES, limited, limitedBitmaps, noisy } from "./lying_canvases.mjs";

const browser = freshBrowser();

/** The limit of iOS. */
const IOS_PIXELS = 16_777_216;
/** One that is reached by pictures that are drawn in seconds. */
const LOW_PIXELS = 1_100_000;
const NOISE = noisy(255);

/**
 * Runs `body` in a document of the page's origin. It sees `stylizer` on the CPU, `corners`, four colours; `draw`, which
 * makes a photo of them by its size and type; `worst`, the worst error of an image whose corners should be those; and
 * `lie`, after which the page's canvases lie.
 * @param {{worker?: string, faceWorker?: string, page?: string}} lies scripts, in the workers from the beginning
 * @param {string} body of an asynchronous function
 * @returns {Promise<any>} what it returns
 */
async function run({ worker = "", faceWorker = "", page = "" }, body) {
  await prependToWorker(browser, worker);
  await prependToWorker(browser, faceWorker, "face_worker");
  await openPlain(browser);
  return browser.page.evaluate(`(async () => {
    const corners = [[220, 40, 30], [40, 200, 60], [30, 60, 210], [230, 220, 40]];
    const draw = (width, height, type = "image/jpeg") => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d");
      corners.forEach((colour, i) => {
        context.fillStyle = "rgb(" + colour + ")";
        context.fillRect((i % 2) * (width / 2), (i >> 1) * (height / 2), width / 2, height / 2);
      });
      return canvas.convertToBlob({ type, quality: 0.95 });
    };
    const worst = ({ data, width, height }) => Math.max(...corners.flatMap((colour, i) => {
      const x = Math.floor((i % 2 ? 0.9 : 0.1) * width);
      const y = Math.floor((i >> 1 ? 0.9 : 0.1) * height);
      return [...colour, 255].map((value, c) => Math.abs(value - data[4 * (y * width + x) + c]));
    }));
    const { createStylizer } = await import("/nijigen/index.js");
    const stylizer = await createStylizer({ device: "cpu", variant: "tiny" });
    const whole = { size: 64, strength: 0, output: "imagedata" };
    const lie = () => {
      ${page}
    };
    try {
      ${body}
    } finally {
      stylizer.dispose();
    }
  })()`);
}

/** @type {Record<string, string>} */
const LIES_OF_DECODERS = {
  "blank beyond the limit of iOS": limited(`width * height > ${IOS_PIXELS}`),
  "throwing beyond 4096 pixels a side": limited("Math.max(width, height) > 4096", true),
  "with bitmaps that are blank beyond the limit": limitedBitmaps(IOS_PIXELS, false),
  "with bitmaps that fail beyond a low limit": limitedBitmaps(4_500_000, true),
  "of noise": NOISE,
  "that may not be read": FORBIDDEN,
};

for (const [name, lie] of Object.entries(LIES_OF_DECODERS)) {
  test(`a photo of 20 megapixels is read by canvases ${name}`, async () => {
    const made = await run({ worker: lie }, `
      const { imageData } = await stylizer.stylize(await draw(5000, 4000), whole);
      return { size: [imageData.width, imageData.height], error: worst(imageData) };`);
    assert.deepEqual(made.size, [64, 51]);
    assert.ok(made.error <= 8, `it is off by ${made.error}`);
  });
}

test("a photo stands upright and has its faces in place where the browser holds only a smaller one", async () => {
  const made = await run({ worker: limitedBitmaps(1_500_000, true) }, `
    const jpeg = await draw(1600, 1200);
    const exif = [0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8,
      0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
    const turned = new Blob([jpeg.slice(0, 2), new Uint8Array(exif), jpeg.slice(2)]);
    const seen = [];
    const faceProvider = {
      detect: async ({ width, height }) => {
        seen.push(width, height);
        return [{ kind: "5", landmarks: Float32Array.of(0, 0, width, 0, width / 2, height / 2, 0, height, width, height) }];
      },
    };
    const [{ landmarks }] = await stylizer.detectFaces(turned, { faceProvider });
    return { seen, far: [...landmarks.slice(8)].map(Math.round) };`);
  assert.deepEqual(made.seen, [866, 1155]);
  assert.ok(Math.abs(made.far[0] - 1200) <= 1 && Math.abs(made.far[1] - 1600) <= 1, String(made.far));
});

test("a transparent photo is transparent, not blank by mistake", async () => {
  const made = await run({}, `
    const canvas = new OffscreenCanvas(1200, 1000);
    canvas.getContext("2d");
    const { imageData } = await stylizer.stylize(await canvas.convertToBlob(), whole);
    return imageData.data.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 0);`);
  assert.equal(made, true);
});

/** @type {Record<string, string>} */
const LIES_OF_ENCODERS = {
  "are blank beyond a limit": limited(`width * height > ${LOW_PIXELS}`),
  "throw beyond 1100 pixels a side": limited("Math.max(width, height) > 1100", true),
  "give noise": NOISE,
  "make files of noise": NOISY_FILES,
};

for (const [name, lie] of Object.entries(LIES_OF_ENCODERS)) {
  test(`a picture's file is right where canvases ${name}`, async () => {
    const made = await run({ worker: lie }, `
      const file = await draw(1200, 1000);
      const read = async (blob) => {
        const bitmap = await createImageBitmap(blob);
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
        context.drawImage(bitmap, 0, 0);
        return context.getImageData(0, 0, bitmap.width, bitmap.height);
      };
      const options = { size: 1200, strength: 0.2 };
      const { imageData } = await stylizer.stylize(file, { ...options, output: "imagedata" });
      const files = {};
      for (const format of ["png", "jpeg"]) {
        const { blob } = await stylizer.stylize(file, { ...options, format });
        const { data, width, height } = await read(blob);
        const error = data.reduce((sum, value, i) => sum + Math.abs(value - imageData.data[i]), 0) / data.length;
        files[format] = { type: blob.type, size: [width, height], error };
      }
      return files;`);
    assert.deepEqual([made.png.type, made.png.size, made.png.error], ["image/png", [1200, 1000], 0]);
    assert.deepEqual([made.jpeg.type, made.jpeg.size], ["image/png", [1200, 1000]]);
    assert.equal(made.jpeg.error, 0);
  });
}

test("where nothing can be read, words are said, in both languages; what nobody sees is no reason", async () => {
  const { page } = browser;
  const made = await run({ worker: NOISE + NO_FRAMES }, `
    const file = await draw(96, 64);
    const failure = await stylizer.stylize(file, whole).then(() => "it succeeded", ({ code }) => code);
    return { failure };`);
  assert.equal(made.failure, "canvas-blocked");
  await browser.context.unrouteAll();
  const faint = await run({ worker: noisy(3) + NO_FRAMES }, `
    const { imageData } = await stylizer.stylize(await draw(96, 64), whole);
    return worst(imageData);`);
  assert.ok(faint <= 8, `it is off by ${faint}`);
  await browser.context.unrouteAll();

  await prependToWorker(browser, NOISE + NO_FRAMES);
  await openPage(browser);
  const shown = await convert(page, photo("plain.png"));
  assert.match("error" in shown ? shown.error : "a picture", /does not let pages read pictures.*fingerprinting/);
  await page.click("#languages [value=zh]");
  await page.waitForFunction(() => document.documentElement.lang === "zh-Hans");
  assert.match(await page.innerText("#error-words"), /指纹/);
  await page.click("#languages [value=en]");
});

test("faces are found where a canvas does not hold the photo, or gives noise", async () => {
  for (const faceWorker of ["", limited(`width * height > ${LOW_PIXELS}`), NOISE]) {
    const made = await run({ faceWorker }, `
      const astronaut = await createImageBitmap(await (await fetch("/samples/astronaut.jpg")).blob());
      const canvas = new OffscreenCanvas(1400, 1400);
      canvas.getContext("2d").drawImage(astronaut, 0, 0, 1400, 1400);
      const faces = await stylizer.detectFaces(await canvas.convertToBlob({ type: "image/jpeg" }));
      return faces.map(({ box }) => box.map(Math.round));`);
    assert.equal(made.length, 1, faceWorker);
    // The middle of the face.
    const [x, y, width, height] = made[0];
    assert.ok(Math.abs(x + width / 2 - 605) < 60 && Math.abs(y + height / 2 - 335) < 80, `${made}`);
  }
});

test("sources that are no files are read past a limit, too", async () => {
  const made = await run({ page: limited("Math.max(width, height) > 1100", true) }, `
    const bitmap = await createImageBitmap(await draw(1400, 1200));
    const frame = new VideoFrame(bitmap, { timestamp: 0 });
    lie();
    const errors = [];
    for (const source of [bitmap, frame]) errors.push(worst((await stylizer.stylize(source, whole)).imageData));
    frame.close();
    return errors;`);
  assert.ok(made.every((/** @type {number} */ error) => error <= 8), `they are off by ${made}`);
});

test("<nijigen-photo> shows a picture beyond the limit smaller, and its file is not blank", async () => {
  const png = new PNG({ width: 1400, height: 1200 });
  for (let i = 0; i < png.data.length; i += 4) png.data.set([40, 200, 60, 255], i);
  await browser.context.route("**/green.png", (route) => route.fulfill({ contentType: "image/png", body: PNG.sync.write(png) }));
  const made = await run({ page: limited(`width * height > ${LOW_PIXELS}`) }, `
    await import("/nijigen/define.js");
    lie();
    const element = document.createElement("nijigen-photo");
    const all = { src: "/green.png", size: 1400, strength: 0, device: "cpu", faces: "off", loading: "eager" };
    for (const [name, value] of Object.entries(all)) element.setAttribute(name, value);
    document.body.replaceChildren(element);
    await new Promise((resolve, reject) => {
      element.addEventListener("load", resolve);
      element.addEventListener("error", () => reject(element.error));
    });
    const bitmap = await createImageBitmap(await element.toBlob());
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    return [bitmap.width, bitmap.height, ...context.getImageData(350, 300, 1, 1).data];`);
  assert.deepEqual(made, [700, 600, 40, 200, 60, 255]);
});

/** Gives the page a photo of 2200 × 500 pixels, drawn in its own size by a page that lies. @param {string} lie */
async function convertWide(lie) {
  const { page } = browser;
  await openPage(browser);
  await page.selectOption("#size", { label: "Original" });
  await page.evaluate(lie);
  const png = new PNG({ width: 2200, height: 500 });
  for (let i = 0; i < png.data.length; i += 4) png.data.set([40, 200, 60, 255], i);
  await page.setInputFiles("#file", { name: "wide.png", mimeType: "image/png", buffer: PNG.sync.write(png) });
  const ended = await outcome(page);
  assert.ok("status" in ended, "error" in ended ? ended.error : "");
  assert.equal(await page.$eval("#picture", (canvas) => /** @type {HTMLCanvasElement} */ (canvas).width), 2048);
}

test("the page shows a picture and saves it where its canvases are limited or noisy", async () => {
  const { page } = browser;
  for (const lie of [limited("Math.max(width, height) > 2100"), NOISE]) {
    await convertWide(lie);
    await page.fill("#strength", "0");
    const { png } = await download(page);
    assert.deepEqual([png.width, png.height], [2200, 500]);
    for (const x of [5, 1100, 2195]) {
      assert.deepEqual([...png.data.subarray(4 * (2200 * 250 + x))].slice(0, 4), [40, 200, 60, 255]);
    }
    await page.click("#clear");
  }
});

test("the page shows what its bitmaps cannot hold as a whole", async () => {
  await convertWide(limitedBitmaps(1_050_000, true));
  const { page } = browser;
  const pixel = await page.$eval("#photo", (canvas) => {
    const context = /** @type {HTMLCanvasElement} */ (canvas).getContext("2d");
    return [...(context?.getImageData(2000, 400, 1, 1).data ?? [])];
  });
  assert.deepEqual(pixel, [40, 200, 60, 255]);
  assert.equal((await download(page)).png.width, 2200);
  await page.click("#clear");
});
