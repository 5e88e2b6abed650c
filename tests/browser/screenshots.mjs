/**
 * Pictures of the page in three widths, two themes and two languages, before and after a conversion:
 * node tests/browser/screenshots.mjs FOLDER
 */

import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { ROOT, convert, fixture, openBrowser, openPage, outcome, photo } from "./browser.mjs";

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node tests/browser/screenshots.mjs FOLDER");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const FLAGS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const browser = await openBrowser({ flags: FLAGS });
const { page } = browser;
await page.setViewportSize({ width: 1440, height: 900 });
/** @param {string} state */
async function shoot(state) {
  for (const language of ["en", "zh"]) {
    await page.click(`#languages [value=${language}]`);
    for (const width of [360, 768, 1440]) {
      await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
      for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
        await page.emulateMedia({ colorScheme });
        // Transitions between the themes end.
        await page.waitForTimeout(300);
        const name = `${state}-${width}-${colorScheme}-${language}.png`;
        await page.screenshot({ path: join(folder, name), fullPage: true });
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) console.log(`${state} at ${width} px (${language}) is ${overflow} px too wide`);
    }
  }
}
try {
  await openPage(browser);
  await shoot("start");
  const sample = (/** @type {string} */ name) => join(ROOT, "www/samples", name);
  await page.setInputFiles("#file", [sample("coffee.jpg"), sample("astronaut.jpg"), sample("chelsea.jpg")]);
  await page.waitForFunction(() => document.querySelector("#queue li[data-state=running] progress")?.getAttribute("value") !== "0");
  await page.waitForTimeout(200);
  await page.screenshot({ path: join(folder, "working-1440.png") });
  await outcome(page);
  await page.waitForFunction(() => document.querySelectorAll("#queue li[data-state=done]").length === 3);
  await shoot("done");
  await page.check("#faces input[value=both]");
  await convert(page, fixture("group.jpg"));
  await page.click("#face-boxes button:nth-child(3)");
  await outcome(page);
  await shoot("faces");
  await page.check("#faces input[value=faces]");
  await outcome(page);
  await page.screenshot({ path: join(folder, "portrait-1440.png"), fullPage: true });
  await convert(page, photo("text.jpg"));
  await shoot("error");
  await page.click("#camera-open");
  await page.waitForSelector("#camera-picture[data-live]");
  await page.waitForTimeout(2500);
  await page.screenshot({ path: join(folder, "camera-1440.png") });
} finally {
  await browser.close();
}
