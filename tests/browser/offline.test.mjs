/** The service worker: without a network, with a new release, and with photos of other apps. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";
import { serve } from "../../www/server.mjs";
import { DIST, convert, download, fixture, openBrowser, outcome } from "./browser.mjs";

/** A copy of the release, which the tests change. */
let folder = "";
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** @type {import("./browser.mjs").Browser} */
let browser;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nijigen-release-"));
  await cp(DIST, folder, { recursive: true, filter: (path) => !path.endsWith("wasm/gpu/nijigen_bg.wasm") });
  server = await serve(folder, 0);
  browser = await openBrowser({ server, serviceWorker: true });
});
after(async () => {
  server.close();
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** The server again, where it was. */
async function serveAgain() {
  server.close();
  server = await serve(folder, Number(new URL(browser.url).port));
}

/** Opens the page, and waits for its service worker. Faces, for which more is loaded, have tests of their own. */
async function visit() {
  const { page, url } = browser;
  await page.goto(url);
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
  await page.waitForSelector("#samples button");
  // Tests take the server away: what is on its way then would be complained of.
  await page.waitForFunction(() => [...document.images].every(({ complete }) => complete));
  await page.check("#faces input[value=off]");
}

/** What is kept for offline use: path and hash of each file. */
function kept() {
  return browser.page.evaluate(async () => {
    const keys = (await caches.keys()).map(async (name) => (await caches.open(name)).keys());
    return (await Promise.all(keys)).flat().map(({ url }) => url.slice(location.origin.length + 1));
  });
}

/** @param {string | Buffer} bytes */
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/**
 * Appends a line to a file of the release.
 * @param {string} path
 * @param {string} line
 * @param {boolean} isListed whether the release's list follows
 * @returns {Promise<{was: string, is: string}>} what the file is kept under
 */
async function change(path, line, isListed) {
  const old = await readFile(join(folder, path));
  const changed = Buffer.concat([old, Buffer.from(line)]);
  await writeFile(join(folder, path), changed);
  const [was, is] = [sha256(old), sha256(changed)];
  if (isListed) {
    const list = await readFile(join(folder, "release.js"), "utf8");
    assert.ok(list.includes(`"${path}": "${was}"`), `release.js does not list ${path} as it is`);
    await writeFile(join(folder, "release.js"), list.replace(was, is));
  }
  return { was: `${path}?sha256=${was}`, is: `${path}?sha256=${is}` };
}

test("after a visit with a picture, photos are converted without a network", async () => {
  const { page, url } = browser;
  // One style is used, however slow this machine is just now.
  await page.addInitScript(() => {
    if (location.origin !== "null") localStorage.setItem("nijigen.variant", "compact");
  });
  // The service worker is late: engine and style are loaded before it is in charge.
  await page.addInitScript(() => {
    const { serviceWorker } = navigator;
    if (!serviceWorker || serviceWorker.controller) return;
    const register = serviceWorker.register.bind(serviceWorker);
    serviceWorker.register = async (url, options) => {
      await new Promise((resolve) => (/** @type {any} */ (globalThis).installNow = resolve));
      return register(url, options);
    };
  });
  await page.goto(url);
  await page.check("#faces input[value=off]");
  const online = await convert(page, fixture("astronaut-64.png"));
  assert.ok("status" in online, JSON.stringify(online));
  await page.waitForFunction(() => "installNow" in globalThis);
  await page.evaluate(() => /** @type {any} */ (globalThis).installNow());
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
  // It then fetches what the page has shown before, and the script beside the engine.
  await page.waitForFunction(async () => {
    const shown = [...document.images].filter(({ src }) => src.startsWith(location.origin));
    if (!shown.every(({ complete, naturalWidth }) => complete && naturalWidth)) return false;
    const names = (await caches.keys()).map(async (name) => (await caches.open(name)).keys());
    const kept = (await Promise.all(names)).flat().map(({ url }) => url.split("?")[0]);
    return shown.every(({ src }) => kept.includes(src)) && kept.some((url) => url.endsWith("/nijigen.js"));
  });
  server.close();
  await browser.page.goto("about:blank");
  await visit();
  assert.ok(await browser.page.evaluate(() => crossOriginIsolated), "threads need isolation offline too");
  const offline = await convert(browser.page, fixture("astronaut-64.png"));
  assert.match("status" in offline ? offline.status : offline.error, /64 × 64/);
  await serveAgain();
});

test("only what was used is kept, and no part or error", async () => {
  const { page } = browser;
  const statuses = await page.evaluate(async () => {
    const part = await fetch("styles/ink-full.safetensors", { headers: { Range: "bytes=0-9" } });
    const missing = await fetch("nijigen/wasm/gpu/nijigen_bg.wasm");
    return [part.status, missing.status];
  });
  assert.deepEqual(statuses, [206, 404]);
  const keys = await kept();
  const large = keys.filter((key) => /\.(wasm|safetensors)\?/.test(key)).map((key) => key.split("?")[0]);
  assert.equal(large.length, 2, `${large}: one engine and one style were used`);
  assert.match(large.join(), /wasm\/cpu\S*\/nijigen_bg\.wasm/);
  for (const path of ["index.html", "nijigen/engine_worker/worker.js", "styles/manifest.json"]) {
    assert.ok(keys.some((key) => key.startsWith(`${path}?`)), `${path} is not kept`);
  }
});

test("a file that is not as the release lists it comes from the host, and is not kept", async () => {
  const { page, url } = browser;
  await page.goto(`${url}samples/samples.json`);
  await change("styles/ink-full.md", "edited", false);
  await serveAgain();
  for (let i = 0; i < 2; i++) {
    const text = await page.evaluate(async () => (await fetch("/styles/ink-full.md")).text());
    assert.match(text, /edited$/);
  }
  assert.ok(!(await kept()).some((key) => key.startsWith("styles/ink-full.md")));
});

test("a new release is offered, and taken without losing the photos in the list", async () => {
  const { page } = browser;
  await visit();
  await page.waitForSelector("#queue li");
  const photos = await page.locator("#queue li").count();
  const sheet = await change("app/style.css", "/* new */", true);
  const photo = await change("samples/coffee.jpg", "new", true);
  await serveAgain();
  await visit();
  await page.waitForSelector("#update:not([hidden])");
  // The offer may come before the saved photos.
  await page.waitForSelector(`#queue li:nth-child(${photos})`);
  const read = () => page.evaluate(async () => (await fetch("app/style.css")).text());
  assert.doesNotMatch(await read(), /new/, "the old release goes on until the page is loaded again");
  assert.equal(await page.locator("#queue li").count(), photos);
  await Promise.all([page.waitForEvent("load"), page.click("#update-now")]);
  assert.match(await read(), /new/);
  await page.waitForSelector(`#queue li:nth-child(${photos})`);
  assert.equal(await page.locator("#queue li").count(), photos);
  assert.ok(!(await page.isVisible("#update")), "the new release is offered again");
  const keys = await kept();
  for (const { was, is } of [sheet, photo]) {
    assert.ok(keys.includes(is), `${is} is not kept`);
    assert.ok(!keys.includes(was), `${was} is still kept`);
  }
  assert.ok(keys.some((key) => key.startsWith("styles/sky.safetensors")), "what has not changed stays");
});

test("the page can be installed", async () => {
  const { page, context, url } = browser;
  await visit();
  const devtools = await context.newCDPSession(page);
  const { errors, data } = await devtools.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
  // Playwright's pages are of a private window's kind.
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
  for (const { src, sizes, type } of JSON.parse(data ?? "").icons) {
    const response = await page.request.get(url + src);
    assert.equal(response.headers()["content-type"], type);
    if (type !== "image/png") continue;
    const { width, height } = PNG.sync.read(await response.body());
    assert.equal(`${width}x${height}`, sizes);
  }
});

test("a photo that another app shares is converted", async () => {
  await visit();
  // What the installed page has told the system.
  const { share_target: target } = await (await fetch(`${browser.url}manifest.webmanifest`)).json();
  assert.ok(target.params.files[0].accept.includes("image/*"));
  const base64 = (await readFile(fixture("astronaut-64.png"))).toString("base64");
  await browser.page.evaluate(([base64, { action, method, enctype, params }]) => {
    const form = document.createElement("form");
    Object.assign(form, { method, enctype, action });
    const input = document.createElement("input");
    Object.assign(input, { type: "file", name: params.files[0].name });
    const files = new DataTransfer();
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    files.items.add(new File([bytes], "共享.png", { type: "image/png" }));
    input.files = files.files;
    form.append(input);
    document.body.append(form);
    form.submit();
  }, /** @type {const} */ ([base64, target]));
  const ended = await outcome(browser.page);
  assert.match("status" in ended ? ended.status : ended.error, /64 × 64/);
  assert.equal((await download(browser.page)).name, "共享-anime.png");
  assert.equal(new URL(browser.page.url()).search, "");
});

test("what is shared without a photo changes nothing, and what was shared comes once", async () => {
  const { page } = browser;
  const photos = await page.locator("#queue li").count();
  const answer = await page.evaluate(async () => {
    const form = new FormData();
    form.append("text", "a link");
    const { redirected, url } = await fetch("share", { method: "POST", body: form });
    return { redirected, url };
  });
  assert.deepEqual(answer, { redirected: true, url: `${browser.url}?shared` });
  await page.goto(`${browser.url}?shared`);
  await page.waitForSelector(`#queue li:nth-child(${photos})`);
  assert.equal(await page.locator("#queue li").count(), photos);
  assert.equal(new URL(page.url()).search, "");
});

test("a photo that is opened with the installed page is converted", async () => {
  const { page, url } = browser;
  const { file_handlers: handlers } = await (await fetch(`${url}manifest.webmanifest`)).json();
  assert.equal(new URL(handlers[0].action, url).href, url);
  const base64 = (await readFile(fixture("astronaut-64.png"))).toString("base64");
  await page.addInitScript((base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const handle = { getFile: async () => new File([bytes], "opened.png", { type: "image/png" }) };
    /** @type {(consumer: (launched: {files: any[]}) => void) => void} */
    const setConsumer = (consumer) => {
      // The first launch is that of the icon, without files.
      consumer({ files: [] });
      consumer({ files: [handle, handle] });
    };
    Object.defineProperty(window, "launchQueue", { value: { setConsumer } });
  }, base64);
  await visit();
  await page.waitForFunction(() => {
    const names = [...document.querySelectorAll("#queue li[data-state=done] .name")].map((name) => name.textContent);
    return names.filter((name) => name === "opened.png").length === 2;
  });
});

test("no request went to another host, and the console stayed clean", () => {
  const strangers = browser.requests.filter((request) => !/^(blob|data):/.test(request) && !request.startsWith(browser.url));
  assert.deepEqual(strangers, []);
  // The missing GPU module is this test's own, and so is the server that is stopped again and again: the
  // browser may look for a new release just then.
  // Pictures that are on their way when a page is loaded again fail in the worker.
  const own = /404|ERR_CONNECTION_REFUSED|ERR_FAILED .*\.(webp|jpg)$/;
  assert.deepEqual(browser.complaints.filter((text) => !own.test(text)), []);
});
