/**
 * Time from opening the page to the first picture, a fresh browser each time:
 *
 *     node tests/browser/first_picture.mjs [cpu|webgpu] [SIZE...]
 *
 * Prints a table in Markdown. WebGPU is emulated by SwiftShader here.
 */

import { PNG } from "pngjs";
import { openBrowser } from "./browser.mjs";
import { median } from "./median.mjs";

const REPEATS = 3;

const [device = "cpu", ...sizes] = process.argv.slice(2);

/** A photo-like PNG: smooth waves and some noise. @param {number} side */
function makePhoto(side) {
  const png = new PNG({ width: side, height: side });
  for (let i = 0; i < side * side; i++) {
    const [x, y] = [i % side, Math.floor(i / side)];
    const wave = 127 + 80 * Math.sin(x / 23) * Math.cos(y / 31);
    png.data.set([wave, 255 - wave, (x * y) % 255, 255], i * 4);
  }
  return PNG.sync.write(png).toString("base64");
}

console.log("| engine | size | page to engine ready (ms) | page to first picture (ms) | next picture (ms) |");
console.log("|---|---|---|---|---|");
for (const size of sizes.length ? sizes.map(Number) : [256, 512]) {
  /** @type {number[][]} */
  const columns = [[], [], []];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const browser = await openBrowser({ webgpu: device === "webgpu" });
    // The page itself would load an engine of its own choice: an empty one is measured.
    await browser.page.route(`${browser.url}empty.html`, (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html><title>empty</title>" }),
    );
    const start = performance.now();
    await browser.page.goto(`${browser.url}empty.html`);
    const [ready, first, next] = await browser.page.evaluate(
      async ([device, base64]) => {
        // @ts-ignore: an address of the served folder, not of this one.
        const { createStylizer } = await import("/nijigen/index.js");
        const photo = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
        const stylizer = await createStylizer({ device, allowFallbackAdapter: true });
        const ready = performance.now();
        await stylizer.stylize(photo);
        const first = performance.now();
        await stylizer.stylize(photo);
        return [ready, first, performance.now() - first];
      },
      /** @type {const} */ ([device, makePhoto(size)]),
    );
    const opened = performance.now() - start;
    if (opened < first) throw new Error("the clocks disagree");
    [ready, first, next].forEach((value, i) => columns[i].push(value));
    await browser.close();
  }
  const cells = columns.map((values) => Math.round(median(values)));
  console.log(`| ${device} | ${size} × ${size} | ${cells.join(" | ")} |`);
}
