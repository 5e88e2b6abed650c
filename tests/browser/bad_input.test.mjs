/** Photos that others choke on: each is converted sensibly or refused in words. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { convert, download, openPage, openPlain, outcome, photo, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser({}, openPage);

const REFUSED = [
  { file: "text.jpg", words: /not a picture/ },
  { file: "empty.png", words: /empty/ },
  { file: "truncated.png", words: /damaged/ },
  { file: "huge-header.png", words: /20000 x 20000 pixels/ },
  // Half of its bytes.
  { file: "truncated.jpg", words: /ends early, \d+ % of the photo's rows are missing/ },
];

for (const { file, words } of REFUSED) {
  test(`${file} is refused in words, and the next photo works`, async () => {
    const outcome = await convert(browser.page, photo(file));
    assert.ok("error" in outcome, `${file} was converted`);
    assert.match(outcome.error, words);
    const next = await convert(browser.page, photo("plain.png"));
    assert.ok("status" in next);
    assert.ok(!(await browser.page.isVisible("#error")));
  });
}

const CONVERTED = [
  { file: "one-pixel.png", size: [1, 1] },
  { file: "cmyk.jpg", size: [150, 100] },
  { file: "sixteen-bit.png", size: [96, 96] },
  { file: "sixteen-bit-gray.png", size: [96, 96] },
  { file: "palette.png", size: [96, 96] },
  { file: "gray.jpg", size: [150, 100] },
  { file: "animated.gif", size: [96, 96] },
  { file: "photo.webp", size: [150, 100] },
  { file: "alpha.png", size: [96, 96] },
  // Stored lying down; the EXIF orientation stands it up.
  { file: "exif-rotated.jpg", size: [60, 100] },
];

for (const { file, size } of CONVERTED) {
  test(`${file} is converted`, async () => {
    const outcome = await convert(browser.page, photo(file));
    assert.ok("status" in outcome, "error" in outcome ? outcome.error : "");
    const { png } = await download(browser.page);
    assert.deepEqual([png.width, png.height], size);
    const alphas = new Set(png.data.filter((_, i) => i % 4 === 3));
    if (file === "alpha.png") assert.ok(alphas.has(0) && alphas.has(255), "transparency was lost");
    else assert.deepEqual([...alphas], [255]);
  });
}

const CUT = [
  { file: "four-fifths.jpg", side: "bottom" },
  { file: "never-written.jpg", side: "bottom" },
  { file: "restarts-cut.jpg", side: "bottom" },
  { file: "turned-cut.jpg", side: "left" },
  { file: "progressive-cut.jpg", side: "" },
];

for (const { file, side } of CUT) {
  test(`${file} ends early: it is drawn, with a warning`, async () => {
    const outcome = await convert(browser.page, photo(file));
    assert.ok("status" in outcome, "error" in outcome ? outcome.error : "");
    assert.match(outcome.status, side ? /ends early: \d+ % of its rows are missing/ : /ends early: .* less sharp/);
    assert.ok(await browser.page.isVisible("#photo"), "the photo is not shown");
    const base64 = readFileSync(photo(file)).toString("base64");
    const seen = await browser.page.evaluate(async (base64) => {
      const { createStylizer } = await import(/** @type {any} */ ("/nijigen/index.js"));
      const stylizer = await createStylizer({ device: "cpu", variant: "tiny" });
      const file = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
      const { imageData, missing } = await stylizer.stylize(file, { strength: 0, output: "imagedata" });
      stylizer.dispose();
      const { data, width, height } = imageData;
      return { width, height, missing, data: Array.from(data) };
    }, base64);
    const { width, height, missing, data } = seen;
    assert.ok(side ? missing > 0.05 && missing < 0.4 : missing === 0, `${missing}`);
    let grays = 0;
    const isMissing = (/** @type {number} */ x, /** @type {number} */ y) =>
      (side === "bottom" && y >= height - Math.round(missing * height)) || (side === "left" && x < Math.round(missing * width));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const pixel = data.slice(4 * (y * width + x), 4 * (y * width + x + 1));
        const isGray = pixel.join() === "128,128,128,255";
        grays += Number(isGray);
        assert.ok(isGray || !isMissing(x, y), `${pixel} at ${x}, ${y}`);
      }
    }
    // Few of what is there.
    assert.ok(grays < (missing + 0.02) * width * height, `${grays} pixels are gray`);
  });
}

test("an icon is converted", async () => {
  const png = readFileSync(photo("plain.png"));
  // One picture of 96 × 96 pixels and 32 bits, in a file of its own from byte 22 on.
  const directory = [0, 0, 1, 0, 1, 0, 96, 96, 0, 0, 1, 0, 32, 0];
  const header = Buffer.concat([Buffer.from(directory), Buffer.alloc(8)]);
  header.writeUInt32LE(png.length, 14);
  header.writeUInt32LE(22, 18);
  await browser.page.setInputFiles("#file", { name: "icon.ico", mimeType: "", buffer: Buffer.concat([header, png]) });
  const ended = await outcome(browser.page);
  assert.ok("status" in ended, "error" in ended ? ended.error : "");
  assert.equal((await download(browser.page)).png.width, 96);
});

test("what the browser opens is converted, though no header of it is known; what is too large is not", async () => {
  const sabotage = `
    const original = createImageBitmap;
    globalThis.createImageBitmap = async (source, ...values) => {
      const word = source instanceof Blob ? await source.slice(0, 5).text() : "";
      if (word === "known") return original(new ImageData(40, 30));
      if (word === "large") return { width: 12_000, height: 9_000, close() {} };
      return original(source, ...values);
    };`;
  await prependToWorker(browser, sabotage);
  await openPlain(browser);
  const made = await browser.page.evaluate(async () => {
    const { createStylizer } = await import(/** @type {any} */ ("/nijigen/index.js"));
    const stylizer = await createStylizer({ device: "cpu", variant: "tiny" });
    const results = [];
    for (const word of ["known", "large", "other"]) {
      const result = await stylizer.stylize(new Blob([`${word} of the year 2040`])).then(
        (/** @type {any} */ { width, height }) => [width, height],
        (/** @type {any} */ { code }) => code,
      );
      results.push(result);
    }
    stylizer.dispose();
    return results;
  });
  assert.deepEqual(made, [[40, 30], "photo-too-large", "photo-unreadable"]);
  await browser.context.unrouteAll();
  await openPage(browser);
});

test("a colour profile is applied", async () => {
  // profile.jpg is plain.jpg with red and green exchanged twice: in its pixels and its profile.
  const means = [];
  for (const file of ["plain.jpg", "profile.jpg"]) {
    assert.ok("status" in (await convert(browser.page, photo(file))));
    const { png } = await download(browser.page);
    const sums = [0, 0, 0, 0];
    png.data.forEach((value, i) => (sums[i % 4] += value));
    means.push(sums.map((sum) => sum / (png.width * png.height)));
  }
  for (const channel of [0, 1, 2]) {
    assert.ok(Math.abs(means[0][channel] - means[1][channel]) < 8, `${means[0]} and ${means[1]}`);
  }
});

test("the console stays clean", () => assert.deepEqual(browser.complaints, []));
