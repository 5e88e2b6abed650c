/** The page by the rules of axe-core (WCAG 2.2, A and AA), in both themes and languages. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { convert, fixture, openBrowser, openPage, photo } from "./browser.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

let axe = "";
/** @type {import("./browser.mjs").Browser} */
let browser;
before(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  browser = await openBrowser();
});
after(() => browser.close());

/** What breaks the rules on the page as it is, in both themes and languages. */
async function violations() {
  const { page } = browser;
  await page.evaluate(axe);
  const found = [];
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // Colours between two themes are of neither.
    await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
    const { violations, passes } = await page.evaluate(
      (rules) => /** @type {any} */ (globalThis).axe.run({ runOnly: rules }),
      RULES,
    );
    assert.ok(passes.length > 10, `axe looked at ${passes.length} rules only`);
    for (const { id, nodes } of violations) {
      for (const { html, failureSummary } of nodes) found.push(`${colorScheme}, ${id}: ${html}: ${failureSummary}`);
    }
  }
  return found;
}

for (const language of ["en", "zh"]) {
  test(`in ${language}: before a photo is chosen, with a finished picture, with an error`, async () => {
    const { page } = browser;
    await openPage(browser);
    await page.check("#faces input[value=both]");
    await page.click(`#languages [value="${language}"]`);
    await page.waitForFunction((language) => document.documentElement.lang.startsWith(language), language);
    assert.deepEqual(await violations(), []);
    const made = await convert(page, fixture("astronaut-64.png"));
    assert.ok("status" in made, JSON.stringify(made));
    assert.deepEqual(await violations(), []);
    const failed = await convert(page, photo("text.jpg"));
    assert.ok("error" in failed, JSON.stringify(failed));
    assert.deepEqual(await violations(), []);
  });
}
