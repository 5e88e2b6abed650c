/**
 * Pictures of the page in three widths and two themes, before and after a conversion:
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

const browser = await openBrowser();
const { page } = browser;
await page.setViewportSize({ width: 1440, height: 900 });
/** @param {string} state */
async function shoot(state) {
  for (const width of [360, 768, 1440]) {
    await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      await page.emulateMedia({ colorScheme });
      // Transitions between the themes end.
      await page.waitForTimeout(400);
      await page.screenshot({ path: join(folder, `${state}-${width}-${colorScheme}.png`), fullPage: true });
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overflow > 0) console.log(`${state} at ${width} px is ${overflow} px too wide`);
  }
}
try {
  await openPage(browser);
  await shoot("start");
  await page.setInputFiles("#file", join(ROOT, "www/samples/coffee.jpg"));
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.startsWith("Drawing"));
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(folder, "working-1440.png") });
  await convert(page, join(ROOT, "www/samples/astronaut.jpg"));
  await shoot("done");
  await page.check("#faces input[value=both]");
  await convert(page, fixture("group.jpg"));
  await page.click("#face-boxes button:nth-child(3)");
  await outcome(page);
  await shoot("faces");
  await convert(page, photo("text.jpg"));
  await shoot("error");
} finally {
  await browser.close();
}
