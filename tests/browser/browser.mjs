/** Chromium, the served page, and what the tests do with them. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { PNG } from "pngjs";
import { serve } from "../../www/server.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

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
 */
export async function openBrowser({ webgpu = false, width = 1280, height = 900, colorScheme = "light" } = {}) {
  const server = await serve(join(ROOT, "target/dist"), 0);
  const profile = await mkdtemp(join(tmpdir(), "nijigen-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...QUIET_FLAGS, ...(webgpu ? SWIFTSHADER_FLAGS : [])],
    viewport: { width, height },
    colorScheme,
    acceptDownloads: true,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  /** @type {string[]} */
  const complaints = [];
  /** @type {string[]} */
  const requests = [];
  page.on("console", (message) => {
    if (message.type() === "error" || /content security policy/i.test(message.text())) {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  context.on("request", (request) => requests.push(request.url()));
  return {
    context,
    page,
    url: server.url,
    complaints,
    requests,
    close: async () => {
      await context.close();
      server.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openBrowser>>} Browser */

/**
 * Opens the page with the CPU engine chosen.
 * @param {Browser} browser
 * @param {"cpu" | "auto" | "webgpu"} device
 */
export async function openPage({ page, url }, device = "cpu") {
  await page.goto(url);
  await page.selectOption("#device", device);
}

/**
 * Gives the page a file and waits until it has a picture or an error.
 * @param {import("playwright-core").Page} page
 * @param {string} path
 * @returns {Promise<{error: string} | {status: string}>}
 */
export async function convert(page, path) {
  await page.setInputFiles("#file", path);
  await page.waitForSelector("#error:not([hidden]), #download:not([hidden])", { timeout: 180_000 });
  if (await page.isVisible("#error")) return { error: await page.innerText("#error") };
  return { status: await page.innerText("#status") };
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
