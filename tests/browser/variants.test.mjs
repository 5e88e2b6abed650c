/** Which of a style's networks is used: by the engine, by the device's speed, by the host's wish. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../www/nijigen/page/variants.js";
import { openPlain, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

/** @typedef {import("../../www/nijigen/page/variants.js").Variant} Variant */

test("a style that lacks a network is drawn with what comes nearest", () => {
  /** @param {Variant} wanted @param {(Variant | undefined)[]} variants */
  const choose = (wanted, ...variants) => nearest(variants.map((variant) => ({ variant })), wanted).variant;
  for (const wanted of /** @type {const} */ (["full", "compact", "tiny"])) {
    assert.equal(choose(wanted, "tiny", "compact", "full"), wanted);
    assert.equal(choose(wanted, "compact"), "compact");
    assert.equal(choose(wanted, undefined), undefined);
  }
  assert.equal(choose("tiny", "full", "compact"), "compact");
  assert.equal(choose("compact", "tiny", "full"), "full");
  assert.equal(choose("full", "tiny", "compact"), "compact");
});

const browser = freshBrowser();

/**
 * Starts a stylizer for each of the options, and draws a photo with the last one.
 * @param {object[]} options of createStylizer
 * @param {string} [first] runs before
 */
async function start(options, first = "") {
  await openPlain(browser);
  return browser.page.evaluate(`(async () => {
    ${first}
    const { createStylizer } = await import("/nijigen/index.js");
    const made = [];
    for (const options of ${JSON.stringify(options)}) {
      try {
        const stylizer = await createStylizer({ cache: false, ...options });
        const { variant, engine } = await stylizer.stylize(new ImageData(32, 32));
        made.push([stylizer.style.name, stylizer.variant, variant, engine].join(" "));
        stylizer.dispose();
      } catch ({ message }) {
        made.push(message);
      }
    }
    return made;
  })()`);
}

/** Makes the worker measure other times, whatever else this machine does. @param {number} factor */
const clock = (factor) => `{
  const now = performance.now.bind(performance);
  performance.now = () => ${factor} * now();
}`;
const [FAST, SLOW] = [clock(0.001), clock(1000)];

test("a family's network suits the CPU, unless the host names another one", async () => {
  await prependToWorker(browser, FAST);
  const device = "cpu";
  const made = await start([
    { device, style: "ink" },
    { device, style: "ink", variant: "full" },
    { device, style: "ink", variant: "tiny" },
    { device, style: "ink-tiny" },
    { device, variant: "huge" },
  ]);
  assert.deepEqual(made, [
    "ink compact compact cpu",
    "ink-full full full cpu",
    "ink-tiny tiny tiny cpu",
    "ink-tiny tiny tiny cpu",
    'variant is "huge", expected one of "auto", "full", "compact", "tiny"',
  ]);
});

test("a CPU that is slow, and a phone that must be, get the tiny network", async () => {
  const phone = `
    Object.defineProperty(navigator, "userAgentData", { value: { mobile: true } });
    Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 });`;
  assert.deepEqual(await start([{ device: "cpu" }], phone), ["sky-tiny tiny tiny cpu"]);
  await prependToWorker(browser, SLOW);
  const made = await start([{ device: "cpu" }, { device: "cpu", variant: "compact" }]);
  assert.deepEqual(made, ["sky-tiny tiny tiny cpu", "sky compact compact cpu"]);
});

test("where the tiny network cannot be had, the slow one goes on", async () => {
  await prependToWorker(browser, SLOW);
  await browser.context.route("**/sky-tiny.safetensors", (route) => route.fulfill({ status: 404, body: "" }));
  assert.deepEqual(await start([{ device: "cpu" }]), ["sky compact compact cpu"]);
});

test("a GPU gets the full network; when it fails, the CPU does not keep it", async () => {
  const gpu = `
    Object.defineProperty(navigator, "gpu", { value: { requestAdapter: async () => ({ info: {} }) } });`;
  await prependToWorker(browser, FAST + gpu);
  await browser.context.route("**/wasm/gpu/nijigen_bg.wasm", (route) => route.fulfill({ status: 404, body: "" }));
  browser.requests.length = 0;
  assert.deepEqual(await start([{ style: "ink" }], gpu), ["ink compact compact cpu"]);
  const files = browser.requests.flatMap((url) => /[\w-]+\.safetensors$/.exec(url) ?? []);
  assert.deepEqual(files, ["ink-full.safetensors", "ink.safetensors"]);
});
