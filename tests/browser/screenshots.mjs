/**
 * Pictures of the page in four widths, two themes and two languages, in the states that a visitor sees:
 * node tests/browser/screenshots.mjs FOLDER [STATE...]
 */

import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { ROOT, convert, fixture, openBrowser, openPage, outcome, photo } from "./browser.mjs";

const [folder, ...states] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node tests/browser/screenshots.mjs FOLDER [STATE...]");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

/** Width and height of the windows. */
const WINDOWS = [[360, 740], [768, 900], [1440, 900], [3840, 2160]];
const FLAGS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const browser = await openBrowser({ flags: FLAGS });
const { page } = browser;

/** @param {string} name of a sample */
const sample = (name) => join(ROOT, "www/samples", name);

/** @param {string} state @param {boolean} [isDialog] of which the window is all there is */
async function shoot(state, isDialog = false) {
  if (states.length && !states.includes(state)) return;
  for (const language of ["zh", "en"]) {
    // A dialog keeps the button from being clicked.
    await page.$eval(`#languages [value=${language}]`, (button) => /** @type {HTMLElement} */ (button).click());
    for (const [width, height] of WINDOWS) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
        await page.emulateMedia({ colorScheme });
        // Transitions between the themes end.
        await page.waitForTimeout(300);
        const name = `${state}-${width}-${colorScheme}-${language}.png`;
        await page.screenshot({ path: join(folder, name), fullPage: !isDialog });
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) console.log(`${state} at ${width} px (${language}) is ${overflow} px too wide`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

try {
  await openPage(browser);
  await page.selectOption("#variant", "tiny");
  await shoot("start");

  // A photo that takes a while.
  await page.selectOption("#size", "100000");
  await page.evaluate(async () => {
    const bitmap = await createImageBitmap(await (await fetch("samples/coffee.jpg")).blob());
    const canvas = new OffscreenCanvas(3000, 2000);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, 3000, 2000);
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([await canvas.convertToBlob({ type: "image/jpeg" })], "large.jpg", { type: "image/jpeg" }));
    dispatchEvent(new DragEvent("drop", { dataTransfer }));
  });
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.startsWith("Drawing"));
  await page.evaluate(async () => {
    const dataTransfer = new DataTransfer();
    for (const name of ["astronaut.jpg", "chelsea.jpg"]) {
      dataTransfer.items.add(new File([await (await fetch(`samples/${name}`)).blob()], name, { type: "image/jpeg" }));
    }
    dispatchEvent(new DragEvent("drop", { dataTransfer }));
  });
  await page.click("#queue li:first-child .open");
  await page.waitForTimeout(1500);
  await shoot("working");
  await page.click("#clear");

  await page.selectOption("#size", "512");
  await page.setInputFiles("#file", [sample("coffee.jpg"), sample("astronaut.jpg"), sample("chelsea.jpg")]);
  await page.waitForFunction(() => document.querySelectorAll("#queue li[data-state=done]").length === 3);
  await shoot("done");

  await page.check("#faces input[value=both]");
  await convert(page, fixture("group.jpg"));
  await page.click("#face-boxes button:nth-child(3)");
  await outcome(page);
  await shoot("faces");
  await page.check("#faces input[value=faces]");
  await outcome(page);
  await shoot("portrait");

  await convert(page, photo("text.jpg"));
  await shoot("error");

  await page.setInputFiles("#file", sample("coffee.jpg"));
  await page.click("#camera-open");
  await page.waitForSelector("#camera-picture[data-live]");
  await page.waitForTimeout(2500);
  await shoot("camera", true);
} finally {
  await browser.close();
}
