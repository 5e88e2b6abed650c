/**
 * Makes the pictures of the style cards and of the page's first panel, by the styles themselves:
 *
 *     ./build.sh build && node tests/browser/style_thumbnails.mjs
 *
 * www/styles/thumbnails/LOOK.webp is the head of a sample photo by the look's largest network, with the face drawn as on
 * the page, demo.webp the whole photo by the first look.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT, openBrowser, openPlain } from "./browser.mjs";

const FOLDER = join(ROOT, "www/styles/thumbnails");
/** Head and shoulders in samples/astronaut.jpg, which is 512 pixels square: x, y, side. */
const HEAD = [92, 0, 300];
const THUMBNAIL_PX = 256;
const DEMO_PX = 640;
/** Sides that they are drawn at: lines are as wide at every size, and an enlarged photo has none to find. */
const DRAWN_THUMBNAIL_PX = 384;
const DRAWN_DEMO_PX = 512;

const browser = await openBrowser();
try {
  await openPlain(browser);
  await mkdir(FOLDER, { recursive: true });
  const { styles } = await (await fetch(`${browser.url}styles/manifest.json`)).json();
  /** @type {Map<string, {name: string, bytes: number}>} the largest network of each look */
  const looks = new Map();
  for (const { name, family = name, variant, bytes } of styles) {
    if (variant !== "portrait" && bytes > (looks.get(family)?.bytes ?? 0)) looks.set(family, { name, bytes });
  }
  /** @param {string} style @param {number[]} cut @param {number} drawn @param {number} side @param {string} file */
  async function make(style, cut, drawn, side, file) {
    const base64 = await browser.page.evaluate(
      async ([style, [x, y, width], drawn, side]) => {
        // @ts-ignore: an address of the served folder, not of this one.
        const { createStylizer } = await import("/nijigen/index.js");
        const photo = await createImageBitmap(await (await fetch("/samples/astronaut.jpg")).blob(), x, y, width, width, {
          resizeWidth: drawn, resizeHeight: drawn, resizeQuality: "high",
        });
        const stylizer = await createStylizer({ style, device: "cpu" });
        const { imageData } = await stylizer.stylize(photo, { size: drawn, faces: "both", output: "imagedata" });
        stylizer.dispose();
        const canvas = new OffscreenCanvas(side, side);
        const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
        context.imageSmoothingQuality = "high";
        context.drawImage(await createImageBitmap(imageData), 0, 0, side, side);
        const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.82 });
        const bytes = new Uint8Array(await blob.arrayBuffer());
        return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      },
      /** @type {[string, number[], number, number]} */ ([style, cut, drawn, side]),
    );
    await writeFile(join(FOLDER, file), Buffer.from(base64, "base64"));
    console.log(`${file}: ${Math.round((base64.length * 3) / 4)} bytes`);
  }
  for (const [look, { name }] of looks) await make(name, HEAD, DRAWN_THUMBNAIL_PX, THUMBNAIL_PX, `${look}.webp`);
  await make(styles[0].name, [0, 0, 512], DRAWN_DEMO_PX, DEMO_PX, "demo.webp");
} finally {
  await browser.close();
}
