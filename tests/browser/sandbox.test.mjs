/** Frames without an origin of their own, and pages that require trusted types. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./browser.mjs";

/** @type {import("./browser.mjs").Browser} */
let browser;
before(async () => {
  browser = await openBrowser({ isolated: false });
});
after(() => browser.close());

const DRAW = `
  const { createStylizer } = await import("/nijigen/index.js");
  try {
    const stylizer = await createStylizer({ device: "cpu", variant: "tiny" });
    const canvas = new OffscreenCanvas(64, 64);
    canvas.getContext("2d").fillRect(0, 0, 64, 64);
    const { width } = await stylizer.stylize(canvas);
    parent.postMessage("ok " + width, "*");
  } catch (error) {
    parent.postMessage(error.code + ": " + error.message, "*");
  }`;

/**
 * A page in a frame.
 * @param {Record<string, string>} headers of the frame's page
 * @param {string} [sandbox]
 * @returns {Promise<string>} what it says
 */
async function inFrame(headers, sandbox) {
  const { page, url, context } = browser;
  await context.route("**/frame.*", (route) => {
    const isPage = route.request().url().endsWith(".html");
    return route.fulfill({
      contentType: isPage ? "text/html" : "text/javascript",
      headers: { "Access-Control-Allow-Origin": "*", ...headers },
      body: isPage ? '<!doctype html><script type="module" src="/frame.js"></script>' : DRAW,
    });
  });
  await page.goto(`${url}samples/samples.json`);
  const said = await page.evaluate(
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
  await context.unrouteAll({ behavior: "ignoreErrors" });
  return /** @type {string} */ (said);
}

test("a sandboxed frame draws", async () => {
  assert.equal(await inFrame({}, "allow-scripts"), "ok 64");
});

test("a sandboxed frame with a strict policy says what its host must allow", async () => {
  const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
  assert.match(await inFrame({ "Content-Security-Policy": policy }, "allow-scripts"), /^load-failed: .*allow-same-origin.*worker-src blob:/);
});

test("trusted types: drawn under the policy's name, words without it", async () => {
  const required = "require-trusted-types-for 'script'; trusted-types";
  assert.equal(await inFrame({ "Content-Security-Policy": `${required} nijigen` }), "ok 64");
  assert.match(await inFrame({ "Content-Security-Policy": `${required} other` }), /^load-failed: .*trusted-types nijigen/);
});
