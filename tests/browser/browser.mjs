/** Chromium, the served page, and what the tests do with them. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { PNG } from "pngjs";
import { serve } from "../../www/server.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The folder under test, as tools/dist.mjs assembles it. */
export const DIST = process.env.DIST ?? join(ROOT, "target/dist");

/** The native program, as the Rust tests build it. */
export const NIJIGEN = process.env.NIJIGEN ?? join(ROOT, "target/debug/nijigen");

/** Long enough for the slowest step on two busy cores. */
const PATIENCE_MS = 180_000;

/** Switches off what a browser does behind one's back; there is no sandbox for root. */
const QUIET_FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** WebGPU emulated in software. */
const SWIFTSHADER_FLAGS = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--use-angle=swiftshader",
];

/**
 * A page in a fresh Chromium, the served folder, and all that went wrong in it.
 * @param {object} [options]
 * @param {boolean} [options.webgpu] with a software WebGPU adapter
 * @param {number} [options.width]
 * @param {number} [options.height]
 * @param {"light" | "dark"} [options.colorScheme]
 * @param {boolean} [options.isolated] whether the host sends the headers of cross-origin isolation
 * @param {Awaited<ReturnType<typeof serve>>} [options.server] in place of one that serves the folder under
 *   test; closed with the browser
 * @param {string[]} [options.flags] more of Chromium's
 * @param {boolean} [options.serviceWorker] whether the page may install its service worker, which then
 *   answers for files, so that routes do not see them
 */
export async function openBrowser({
  webgpu = false,
  width = 1280,
  height = 900,
  colorScheme = "light",
  isolated = true,
  server,
  flags = [],
  serviceWorker = false,
} = {}) {
  const { url, close } = server ?? (await serve(DIST, 0, isolated));
  const profile = await mkdtemp(join(tmpdir(), "nijigen-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...QUIET_FLAGS, ...(webgpu ? SWIFTSHADER_FLAGS : []), ...flags],
    viewport: { width, height },
    colorScheme,
    acceptDownloads: true,
    serviceWorkers: serviceWorker ? "allow" : "block",
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(PATIENCE_MS);
  /** @type {string[]} */
  const complaints = [];
  /** @type {string[]} */
  const requests = [];
  page.on("console", (message) => {
    if (message.type() === "error" || /content security policy/i.test(message.text())) {
      complaints.push(message.text() + " " + message.location().url);
    }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  context.on("request", (request) => requests.push(request.url()));
  return {
    context,
    page,
    url,
    complaints,
    requests,
    close: async () => {
      await context.close();
      close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openBrowser>>} Browser */

/**
 * Opens the page and chooses an engine, and pictures without faces by themselves, for which more would be loaded.
 * @param {Browser} browser
 * @param {"cpu" | "auto" | "webgpu"} device
 */
export async function openPage({ page, url }, device = "cpu") {
  await page.goto(url);
  await page.waitForSelector("#samples button");
  await page.waitForSelector("#styles label");
  await page.selectOption("#device", device);
  await page.check("#faces input[value=off]");
}

/**
 * Opens a document of the same origin and policy that does nothing by itself, for tests of the
 * package without the page.
 * @param {Browser} browser
 */
export async function openPlain({ page, url }) {
  await page.goto(`${url}samples/samples.json`);
}

/**
 * Empties Cache storage, so that a route sees engines and styles being fetched.
 * @param {Browser} browser
 */
export async function forgetFiles(browser) {
  await openPlain(browser);
  await browser.page.evaluate(() => caches.delete("nijigen-assets"));
}

/** For {@link prependToWorker}: the worker dies of a message on the channel "test". */
export const DIE_WHEN_TOLD = `new BroadcastChannel("test").onmessage = () => { throw new Error("sabotage"); };`;

/** For {@link prependToWorker}: the bytes of the engine's memory are told before each photo, on the channel "memory". */
export const TELL_MEMORY = `
  let memory;
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const instantiate = WebAssembly[name];
    WebAssembly[name] = async (...options) => {
      const made = await instantiate(...options);
      memory = (made.instance ?? made).exports.memory;
      return made;
    };
  }
  const channel = new BroadcastChannel("memory");
  addEventListener("message", ({ data }) => {
    if (data.type === "stylize") channel.postMessage(memory?.buffer.byteLength);
  });`;

/**
 * Runs `script` in a worker before its own code.
 * @param {Browser} browser
 * @param {string} script
 * @param {"engine_worker" | "face_worker"} [worker]
 */
export async function prependToWorker({ context }, script, worker = "engine_worker") {
  await context.route(`**/nijigen/${worker}/worker.js`, async (route) => {
    const response = await route.fetch({ maxRetries: 3 });
    await route.fulfill({ response, body: `${script}\n${await response.text()}` });
  });
}

/**
 * Gives the page a file and waits until it has a picture or an error.
 * @param {import("playwright-core").Page} page
 * @param {string} path
 * @returns {Promise<{error: string} | {status: string}>}
 */
export async function convert(page, path) {
  await page.setInputFiles("#file", path);
  return outcome(page);
}

/**
 * Waits until the page has a picture or an error.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<{error: string} | {status: string}>}
 */
export async function outcome(page) {
  await page.waitForSelector("#error:not([hidden]), #download:not([hidden])");
  // With the details, which are folded in.
  if (await page.isVisible("#error")) return { error: (await page.innerText("#error-words")) + " " + (await page.textContent("#error-detail")) };
  return { status: await page.innerText("#status") };
}

/**
 * Gives the page files as if they were dropped on it.
 * @param {import("playwright-core").Page} page
 * @param {string[]} paths
 */
export async function drop(page, paths) {
  const files = await Promise.all(
    paths.map(async (path) => ({ name: basename(path), base64: await readFile(path, "base64") })),
  );
  const dataTransfer = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of files) {
      transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    }
    return transfer;
  }, files);
  await page.dispatchEvent("main", "drop", { dataTransfer });
}

/**
 * The picture that the page offers for download.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<{name: string, png: PNG}>}
 */
export async function download(page) {
  const [event] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  const png = PNG.sync.read(await readFile(await event.path()));
  return { name: event.suggestedFilename(), png };
}

/** @param {string} name */
export function photo(name) {
  return join(ROOT, "tests/fixtures/photos", name);
}

/** @param {string} name */
export function fixture(name) {
  return join(ROOT, "tests/browser/fixtures", name);
}
