/** A folder whose modules are still being built: the page works with those that are there, and offers the others. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { serve } from "../../www/server.mjs";
import { ROOT, convert, fixture, openBrowser } from "./browser.mjs";

const MODULES = ["cpu", "cpu-relaxed", "cpu-threads", "cpu-relaxed-threads", "gpu"];
const BUILT = join(ROOT, "target/wasm");

let folder = "";
/** @type {import("./browser.mjs").Browser} */
let browser;

/** Assembles the release of the modules that the folder has. @param {string[]} flags */
function assemble(...flags) {
  const folders = ["--from", join(folder, "wasm"), "--out", join(folder, "dist")];
  execFileSync(process.execPath, [join(ROOT, "tools/dist.mjs"), ...flags, ...folders, ...MODULES]);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nijigen-growing-"));
  await cp(join(BUILT, "cpu"), join(folder, "wasm/cpu"), { recursive: true });
  assemble("--growing");
  browser = await openBrowser({ server: await serve(join(folder, "dist"), 0), serviceWorker: true });
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** The modules that have been fetched since the last question. */
function fetchedModules() {
  const names = browser.requests.splice(0).map((url) => /wasm\/(.*)\/nijigen_bg\.wasm/.exec(url)?.[1]);
  return [...new Set(names.filter(Boolean))];
}

/** Opens the page and converts a photo. @returns {Promise<string>} what the page says of it */
async function draw() {
  const { page, url } = browser;
  await page.goto(url);
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
  await page.waitForSelector("#samples button");
  await page.check("#faces input[value=off]");
  const outcome = await convert(page, fixture("astronaut-64.png"));
  return "status" in outcome ? outcome.status : outcome.error;
}

test("the first module alone draws, on a page that could have threads", async () => {
  assert.match(await draw(), /64 × 64/);
  assert.ok(await browser.page.evaluate(() => crossOriginIsolated));
  assert.deepEqual(fetchedModules(), ["cpu"]);
});

test("modules that come later are offered while the page is open, and then used", async () => {
  await cp(BUILT, join(folder, "wasm"), { recursive: true });
  assemble();
  assert.doesNotMatch(await readFile(join(folder, "dist/index.html"), "utf8"), /data-growing/);
  const { page } = browser;
  await page.waitForSelector("#update:not([hidden])");
  const loaded = page.waitForEvent("load");
  await page.click("#update-now");
  await loaded;
  assert.match(await draw(), /64 × 64/);
  assert.deepEqual(fetchedModules(), ["cpu-relaxed-threads"]);
  assert.deepEqual(browser.complaints, []);
});

test("a release is not assembled without all of its modules", () => {
  const wrong = () => execFileSync(process.execPath, [join(ROOT, "tools/dist.mjs"), "--out", join(folder, "none"), "cpu", "missing"], { stdio: "pipe" });
  assert.throws(wrong, /missing/);
});
