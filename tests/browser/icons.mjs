/**
 * Makes the icons of an installed page from www/app/icon.svg: node tests/browser/icons.mjs
 *
 * The maskable ones have no round corners: the system cuts them as it likes, outside a circle of
 * 80 % of the side, in which the drawing lies.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT, openBrowser } from "./browser.mjs";

const svg = await readFile(join(ROOT, "www/app/icon.svg"), "utf8");
const background = /<rect [^>]* rx="16"/;
if (!background.test(svg)) throw new Error("icon.svg has lost its background, a rect with round corners");
const square = svg.replace(background, (rect) => rect.replace(' rx="16"', ""));

const browser = await openBrowser();
for (const [drawing, prefix] of [
  [svg, "plain-"],
  [square, ""],
]) {
  for (const side of [192, 512]) {
    await browser.page.setViewportSize({ width: side, height: side });
    const address = `data:image/svg+xml;base64,${Buffer.from(drawing).toString("base64")}`;
    await browser.page.setContent(
      `<style>body { margin: 0 }</style><img src="${address}" width="${side}" height="${side}">`,
    );
    await browser.page.screenshot({
      path: join(ROOT, `www/icons/${prefix}${side}.png`),
      omitBackground: true,
    });
  }
}
await browser.close();
