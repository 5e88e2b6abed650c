/** Photos that others choke on: each is converted sensibly or refused in words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { convert, download, openPage, photo } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser({}, openPage);

const REFUSED = [
  { file: "text.jpg", words: /not a picture/ },
  { file: "empty.png", words: /empty/ },
  { file: "truncated.png", words: /damaged/ },
  { file: "huge-header.png", words: /20000 x 20000 pixels/ },
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
