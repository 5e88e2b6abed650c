/**
 * Makes the pictures of the style cards and of the page's first panel, by the styles themselves:
 *
 *     ./build.sh build && node tests/browser/style_thumbnails.mjs
 *
 * www/styles/thumbnails/LOOK.webp is a place beside a person by the look's largest network, with the face drawn as on
 * the page; demo_photo.webp a place above a person, demo.webp the same by the first look.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT, openBrowser, openPlain } from "./browser.mjs";

const FOLDER = join(ROOT, "www/styles/thumbnails");
/** Sides that they are drawn at: lines are as wide at every size, and an enlarged photo has none to find. */
const DRAWN_CARD_PX = 384;
const DRAWN_DEMO_PX = 640;

/**
 * A photo in a picture of several.
 * @typedef {object} Part
 * @property {string} file
 * @property {number} drawn longer side in pixels at which it is drawn
 * @property {number[]} cut x, y, width and height of what is shown of it, as parts of its own
 * @property {number[]} place the same in the whole picture, in pixels
 */

/** Head and shoulders of the astronaut, and a mountain with its lake. @type {Part[]} */
const CARD = [
  { file: "lake.jpg", drawn: DRAWN_CARD_PX, cut: [0.3, 0, 0.375, 1], place: [0, 0, 128, 256] },
  { file: "astronaut.jpg", drawn: 600, cut: [0.3, 0, 0.29, 0.58], place: [128, 0, 128, 256] },
];
/** @type {Part[]} */
const DEMO = [
  { file: "lake.jpg", drawn: DRAWN_DEMO_PX, cut: [0, 0.1, 1, 0.6], place: [0, 0, 640, 288] },
  { file: "astronaut.jpg", drawn: 512, cut: [0, 0, 1, 0.55], place: [0, 288, 640, 352] },
];

const browser = await openBrowser();
try {
  await openPlain(browser);
  await mkdir(FOLDER, { recursive: true });
  const { styles } = await (await fetch(`${browser.url}styles/manifest.json`)).json();
  /** @type {Map<string, {name: string, bytes: number}>} the largest network of each look */
  const looks = new Map();
  for (const { name, family = name, variant, bytes } of styles) {
    const isPlace = variant !== "portrait" && variant !== "segmentation";
    if (isPlace && bytes > (looks.get(family)?.bytes ?? 0)) looks.set(family, { name, bytes });
  }
  /** @param {string | null} style none for the photos @param {Part[]} parts @param {number} side @param {string} file */
  async function make(style, parts, side, file) {
    const base64 = await browser.page.evaluate(
      async ([style, parts, side]) => {
        // @ts-ignore: an address of the served folder, not of this one.
        const { createStylizer } = await import("/nijigen/index.js");
        const stylizer = style && (await createStylizer({ style, device: "cpu" }));
        const canvas = new OffscreenCanvas(side, side);
        const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
        context.imageSmoothingQuality = "high";
        for (const { file, drawn, cut, place } of parts) {
          const blob = await (await fetch(`/samples/${file}`)).blob();
          const photo = await createImageBitmap(blob);
          const options = { size: drawn, faces: "both", output: "imagedata" };
          const shown = stylizer
            ? await createImageBitmap((await stylizer.stylize(photo, options)).imageData)
            : photo;
          const { width, height } = shown;
          const [x, y, w, h] = cut;
          const [left, top, right, bottom] = place;
          context.drawImage(shown, x * width, y * height, w * width, h * height, left, top, right, bottom);
        }
        stylizer?.dispose();
        const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.82 });
        const bytes = new Uint8Array(await blob.arrayBuffer());
        return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      },
      /** @type {[string | null, Part[], number]} */ ([style, parts, side]),
    );
    await writeFile(join(FOLDER, file), Buffer.from(base64, "base64"));
    console.log(`${file}: ${Math.round((base64.length * 3) / 4)} bytes`);
  }
  for (const [look, { name }] of looks) await make(name, CARD, 256, `${look}.webp`);
  await make(null, DEMO, 640, "demo_photo.webp");
  await make(styles[0].name, DEMO, 640, "demo.webp");
} finally {
  await browser.close();
}
