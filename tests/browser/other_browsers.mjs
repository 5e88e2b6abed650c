/**
 * A picture in one of Playwright's browsers, on the CPU and then offline:
 *
 *     npx playwright-core install webkit && node tests/browser/other_browsers.mjs webkit
 *
 * Not among the tests that run by themselves: these builds are Playwright's own, and come from its servers.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import playwright from "playwright-core";
import { serve } from "../../www/server.mjs";
import { DIST, fixture } from "./browser.mjs";

const NAMES = /** @type {const} */ (["chromium", "firefox", "webkit"]);

const name = NAMES.find((name) => name === process.argv[2]);
if (!name) {
  console.error(`usage: node tests/browser/other_browsers.mjs ${NAMES.join("|")}`);
  process.exit(2);
}

const server = await serve(DIST, 0);
const executablePath = name === "chromium" ? process.env.CHROMIUM : undefined;
const browser = await playwright[name].launch({ executablePath, args: name === "chromium" ? ["--no-sandbox"] : [] });
try {
  const page = await browser.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(server.url);
  const base64 = (await readFile(fixture("astronaut-64.png"))).toString("base64");
  const convert = () =>
    page.evaluate(async (base64) => {
      // @ts-ignore: an address of the served folder, not of this one.
      const { createStylizer } = await import("/nijigen/index.js");
      const stylizer = await createStylizer({ device: "cpu" });
      const error = await stylizer.selfCheck();
      const photo = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
      const { width, height } = await stylizer.stylize(photo);
      stylizer.dispose();
      return { error, size: [width, height] };
    }, base64);
  const { error, size } = await convert();
  assert.deepEqual(size, [64, 64]);
  assert.ok(error < 0.02, `off by ${error} from the known answer`);
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
  assert.deepEqual((await convert()).size, [64, 64]);
  server.close();
  await page.reload();
  assert.deepEqual((await convert()).size, [64, 64]);
  assert.deepEqual(complaints, []);
  console.log(`${name} ${browser.version()}: a picture, and another offline`);
} finally {
  server.close();
  await browser.close();
}
