/** High contrast, where the system's colours take the place of the page's: what is chosen and what moves is still seen. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PNG } from "pngjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser({}, async ({ page, url }) => {
  await page.emulateMedia({ forcedColors: "active" });
  await page.goto(url);
  await page.waitForSelector("#styles label");
  // Until then, everything moves.
  await page.waitForFunction(() => [...document.images].every(({ complete }) => complete));
});

/** What is chosen, and another one beside it. @type {Record<string, [chosen: string, other: string]>} */
const CHOICES = {
  style: ["#styles label:has(:checked) span", "#styles label:not(:has(:checked)) span"],
  mode: ["#faces label:has(:checked)", "#faces label:not(:has(:checked))"],
  language: ["#languages [aria-pressed=true]", "#languages [aria-pressed=false]"],
};

for (const [name, selectors] of Object.entries(CHOICES)) {
  test(`the chosen ${name} is seen`, async () => {
    const colours = [];
    for (const selector of selectors) {
      const { data, width, height } = PNG.sync.read(await browser.page.locator(selector).first().screenshot());
      // Beside the words, which are in the middle.
      const at = 4 * (width * Math.round(height / 2) + 7);
      colours.push([...data.subarray(at, at + 3)]);
    }
    const [chosen, other] = colours;
    const difference = Math.max(...chosen.map((value, i) => Math.abs(value - other[i])));
    assert.ok(difference > 100, `${chosen} beside ${other}`);
  });
}

for (const slider of ["#strength", "#demo input"]) {
  test(`${slider} has a track`, async () => {
    const share = await trackShare(slider);
    assert.ok(share > 0.9, `${Math.round(100 * share)} % of its width`);
  });
}

test("the slider of <nijigen-photo> has a track", async () => {
  await browser.page.evaluate(async () => {
    await import(/** @type {any} */ ("/nijigen/define.js"));
    const element = document.createElement("nijigen-photo");
    const all = { src: "/samples/astronaut.jpg", size: 256, device: "cpu", faces: "off", loading: "eager", controls: "" };
    for (const [name, value] of Object.entries(all)) element.setAttribute(name, String(value));
    document.body.replaceChildren(element);
    await new Promise((resolve) => element.addEventListener("load", resolve));
  });
  const share = await trackShare("nijigen-photo input");
  assert.ok(share > 0.9, `${Math.round(100 * share)} % of its width`);
});

/**
 * The share of a slider's width in which it is seen, by pictures with it and without it.
 * @param {string} selector
 */
async function trackShare(selector) {
  const { page } = browser;
  const input = page.locator(selector);
  await input.scrollIntoViewIfNeeded();
  const shots = [];
  for (const visibility of ["hidden", "visible"]) {
    await input.evaluate((element, visibility) => {
      const { parentElement, style } = /** @type {HTMLElement} */ (element);
      // The first panel's is turned a little.
      if (parentElement) parentElement.style.transform = "none";
      style.visibility = visibility;
    }, visibility);
    const clip = /** @type {{x: number, y: number, width: number, height: number}} */ (await input.boundingBox());
    shots.push(PNG.sync.read(await page.screenshot({ clip })));
  }
  const [without, shown] = shots;
  const columns = Array.from({ length: shown.width }, (_, x) =>
    Array.from({ length: shown.height }, (_, y) => 4 * (shown.width * y + x)).some((at) =>
      [0, 1, 2].some((channel) => Math.abs(shown.data[at + channel] - without.data[at + channel]) > 60),
    ),
  );
  return columns.filter(Boolean).length / columns.length;
}
