/** Firefox: threads, a picture, and a second one without a network. Skipped where it is not installed. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import puppeteer from "puppeteer-core";
import { serve } from "../../www/server.mjs";
import { DIST, fixture } from "./browser.mjs";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

test("Firefox converts a photo, and another offline", { timeout: 120_000 }, async (t) => {
  if (!existsSync(FIREFOX)) return t.skip(`there is no ${FIREFOX}`);
  const server = await serve(DIST, 0);
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX });
  try {
    const page = await browser.newPage();
    /** @type {string[]} */
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    const base64 = (await readFile(fixture("astronaut-64.png"))).toString("base64");
    const convert = async () => {
      await page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
      return page.evaluate(async (base64) => {
        // @ts-ignore: an address of the served folder, not of this one.
        const { createStylizer } = await import("/nijigen/index.js");
        const photo = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
        const stylizer = await createStylizer();
        const error = await stylizer.selfCheck();
        const { width, height, engine } = await stylizer.stylize(photo);
        stylizer.dispose();
        return { error, made: { width, height, engine, crossOriginIsolated } };
      }, base64);
    };
    await page.goto(server.url);
    const expected = { width: 64, height: 64, engine: "cpu", crossOriginIsolated: true };
    const online = await convert();
    assert.deepEqual(online.made, expected);
    assert.ok(online.error < 0.02, `off by ${online.error} from the known answer`);
    server.close();
    await page.reload();
    assert.deepEqual((await convert()).made, expected);
    assert.deepEqual(complaints, []);
  } finally {
    server.close();
    await browser.close();
  }
});
