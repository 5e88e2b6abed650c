/** The examples, with the npm package in each of the tools that hosts use: built, opened, and a photo drawn. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import sirv from "sirv";
import { assemblePackage } from "../../npm/assemble.mjs";
import { serve } from "../../www/server.mjs";
import { ROOT, fixture, openBrowser } from "./browser.mjs";
import { listen } from "./listen.mjs";

const run = promisify(execFile);

const EXAMPLES = join(ROOT, "examples");
const BUILT = join(ROOT, "target/examples");
const INSTALLED = join(EXAMPLES, "node_modules/nijigen");

before(async () => {
  await rm(BUILT, { recursive: true, force: true });
  await assemblePackage(INSTALLED);
});

/** Runs one of the scripts in examples/package.json. @param {string} script */
const build = (script) =>
  run("npm", ["run", script], { cwd: EXAMPLES, env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" } });

/** `npx nijigen copy FOLDER`, as a host runs it. @param {string} folder */
const copy = (folder) => run(process.execPath, [join(INSTALLED, "cli.mjs"), "copy", folder]);

/** @param {string} name of an example whose page no bundler writes */
async function takePage(name) {
  await mkdir(join(BUILT, name), { recursive: true });
  await cp(join(EXAMPLES, name, "index.html"), join(BUILT, name, "index.html"));
  return join(BUILT, name);
}

/** For pages with scripts in their HTML, which the strict policy forbids. @param {string} folder */
const serveWithoutPolicy = (folder) => listen(sirv(folder));

/**
 * Opens a folder, gives the page a photo, and waits for what it says.
 * @param {string} folder
 * @param {{policy?: boolean}} [options] whether the host sends the strict policy and isolates the page
 */
async function draw(folder, { policy = true } = {}) {
  const { url, close } = await (policy ? serve(folder, 0) : serveWithoutPolicy(folder));
  return drawAt(url, close);
}

/** @param {string} url @param {() => void} close what serves it */
async function drawAt(url, close) {
  const browser = await openBrowser({ server: { url, close } });
  const { page, complaints, requests } = browser;
  try {
    await page.goto(browser.url);
    await page.setInputFiles("input", fixture("astronaut-64.png"));
    await page.waitForFunction(() => document.querySelector("p")?.textContent);
    const strangers = requests.filter((url) => !url.startsWith(browser.url) && !/^(data|blob):/.test(url));
    const own = complaints.filter((text) => !text.endsWith("/favicon.ico"));
    return { said: await page.textContent("p"), complaints: own, strangers, requests: [...requests] };
  } finally {
    await browser.close();
  }
}

/** @param {Awaited<ReturnType<typeof draw>>} drawn */
function assertDrawn({ said, complaints, strangers }) {
  assert.match(said ?? "", /^Drawn/);
  assert.deepEqual([complaints, strangers], [[], []]);
}

test("without a bundler", async () => {
  const folder = await takePage("plain");
  await cp(join(EXAMPLES, "plain/main.js"), join(folder, "main.js"));
  await copy(folder);
  assertDrawn(await draw(folder));
});

test("Vite", async () => {
  await build("vite");
  const drawn = await draw(join(BUILT, "vite"));
  assertDrawn(drawn);
  // The page is isolated: its threads are workers that Vite knows nothing of.
  const workers = drawn.requests.filter((url) => /\/worker-[^/]*\.js$/.test(url));
  assert.ok(workers.length > 1, `${workers}`);
});

test("Vite's development server: one line in its configuration, and words without it", async () => {
  /** @param {string[]} options */
  const develop = async (...options) => {
    const cache = await mkdtemp(join(tmpdir(), "nijigen-vite-"));
    // A port that is free now.
    const { url, close } = await listen(() => {});
    close();
    const { port } = new URL(url);
    const vite = join(EXAMPLES, "node_modules/vite/bin/vite.js");
    const server = spawn(process.execPath, [vite, "vite", "--port", port, "--strictPort", ...options], {
      cwd: EXAMPLES,
      env: { ...process.env, NIJIGEN_VITE_CACHE: cache },
    });
    try {
      await once(server.stdout, "data");
      return await drawAt(url, () => {});
    } finally {
      server.kill();
      await once(server, "exit");
      await rm(cache, { recursive: true, force: true });
    }
  };
  // Of favicon.ico and of tools for developers nothing is asked.
  assert.match((await develop()).said ?? "", /^Drawn/);
  const config = join(BUILT, "vite.config.mjs");
  await mkdir(BUILT, { recursive: true });
  await writeFile(config, `export default { esbuild: { jsx: "automatic" }, cacheDir: process.env.NIJIGEN_VITE_CACHE + "/.vite" };`);
  assert.match((await develop("--config", config)).said ?? "", /optimizeDeps: \{ exclude: \["nijigen"\] \}/);
});

test("webpack, the element", async () => {
  await build("webpack");
  assertDrawn(await draw(await takePage("webpack"), { policy: false }));
});

test("esbuild: words until the files are copied", async () => {
  const folder = await takePage("esbuild");
  await build("esbuild");
  assert.match((await draw(folder)).said ?? "", /npx nijigen copy FOLDER.*http:\/\/localhost:\d+\/nijigen\//);
  await copy(folder);
  assertDrawn(await draw(folder));
});

for (const script of ["next", "next-webpack"]) {
  test(`Next.js: ${script}`, async () => {
    await build(script);
    const folder = join(EXAMPLES, "next/out");
    assert.ok((await readdir(folder)).includes("index.html"));
    assertDrawn(await draw(folder, { policy: false }));
  });
}
