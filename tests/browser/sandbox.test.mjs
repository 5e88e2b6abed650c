/** Frames without an origin of their own, and pages that require trusted types. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import sirv from "sirv";
import { DIST, openBrowser } from "./browser.mjs";
import { listen } from "./listen.mjs";

const DRAW = `
  try {
    const { createStylizer } = await import("/nijigen/index.js");
    const stylizer = await createStylizer({ device: "cpu", variant: "tiny" });
    const canvas = new OffscreenCanvas(64, 64);
    canvas.getContext("2d").fillRect(0, 0, 64, 64);
    const { width } = await stylizer.stylize(canvas);
    parent.postMessage("ok " + width, "*");
  } catch (error) {
    parent.postMessage(error.code + ": " + error.message, "*");
  }`;

/** What the host serves besides the package. @type {Record<string, [type: string, body: string]>} */
const PAGES = {
  "/host.html": ["text/html", "<!doctype html><title>Host</title>"],
  "/frame.html": ["text/html", '<!doctype html><title>Frame</title><script type="module" src="/frame.js"></script>'],
  "/frame.js": ["text/javascript", DRAW],
};

/** The policy of the frame. */
let policy = "";

/** A host without isolation, whose files other origins may read. */
function startHost() {
  const files = sirv(DIST);
  return listen((request, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    const [type, body] = PAGES[request.url ?? ""] ?? [];
    if (!type) return files(request, response);
    if (policy) response.setHeader("Content-Security-Policy", policy);
    response.writeHead(200, { "Content-Type": type });
    response.end(body);
  });
}

/** @type {import("./browser.mjs").Browser} */
let browser;
before(async () => {
  browser = await openBrowser({ server: await startHost() });
});
after(() => browser.close());

/**
 * A page in a frame.
 * @param {string} framePolicy
 * @param {string} [sandbox]
 * @returns {Promise<string>} what it says
 */
async function inFrame(framePolicy, sandbox) {
  policy = "";
  await browser.page.goto(`${browser.url}host.html`);
  policy = framePolicy;
  return browser.page.evaluate(
    (sandbox) =>
      new Promise((resolve) => {
        addEventListener("message", ({ data }) => resolve(data), { once: true });
        const frame = document.createElement("iframe");
        if (sandbox !== undefined) frame.setAttribute("sandbox", sandbox);
        frame.src = "/frame.html";
        document.body.append(frame);
      }),
    sandbox,
  );
}

test("a sandboxed frame draws, without a policy and with one that lets it", async () => {
  assert.equal(await inFrame("", "allow-scripts"), "ok 64");
  const allowed = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:";
  assert.equal(await inFrame(allowed, "allow-scripts"), "ok 64");
});

test("a sandboxed frame with a strict policy says what its host must allow", async () => {
  const strict = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
  assert.match(await inFrame(strict, "allow-scripts"), /^load-failed: .*allow-same-origin.*worker-src blob:/);
  assert.equal(await inFrame(strict, "allow-scripts allow-same-origin"), "ok 64");
});

test("trusted types: drawn under the policy's name, words without it", async () => {
  const required = "require-trusted-types-for 'script'; trusted-types";
  assert.equal(await inFrame(`${required} nijigen`), "ok 64");
  assert.match(await inFrame(`${required} other`), /^load-failed: .*trusted-types nijigen/);
});
