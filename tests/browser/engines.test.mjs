/** WebGPU (emulated), its failures, and falling back to the CPU without losing the photo. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { ROOT, convert, fixture, forgetFiles, openBrowser, openPage, photo, prependToWorker } from "./browser.mjs";

/** @type {import("./browser.mjs").Browser} */
let browser;
/** Why WebGPU cannot be tested here; empty if it can. */
let noAdapter = "";
before(async () => {
  browser = await openBrowser({ webgpu: true });
  await browser.page.goto(browser.url);
  const found = await browser.page.evaluate(async () =>
    Boolean(await /** @type {any} */ (navigator).gpu?.requestAdapter()),
  );
  if (!found) noAdapter = "this Chromium offers no WebGPU adapter";
});
beforeEach(() => browser.context.unrouteAll({ behavior: "ignoreErrors" }));
after(() => browser.close());

/**
 * Runs `astronaut-64.png` through the package in the page, by the network that is started soonest unless `options` name
 * another.
 * @param {object} options of createStylizer
 */
async function stylize(options) {
  const base64 = (await readFile(fixture("astronaut-64.png"))).toString("base64");
  return browser.page.evaluate(
    async ([base64, options]) => {
      // @ts-ignore: an address of the served folder, not of this one.
      const { createStylizer } = await import("/nijigen/index.js");
      const photo = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
      const stylizer = await createStylizer(options);
      try {
        const error = await stylizer.selfCheck();
        const picture = await stylizer.stylize(photo, { output: "imagedata" });
        const { engine, fellBack, width, height } = picture;
        return { error, engine, fellBack, width, height, pixels: [...picture.imageData.data] };
      } finally {
        stylizer.dispose();
      }
    },
    /** @type {const} */ ([base64, { style: "ink-tiny", ...options }]),
  );
}

test("WebGPU agrees with the CPU", { timeout: 240_000 }, async (t) => {
  if (noAdapter) return t.skip(noAdapter);
  const gpu = await stylize({ style: "sky", device: "webgpu", allowFallbackAdapter: true });
  assert.equal(gpu.engine, "webgpu");
  assert.equal(gpu.fellBack, undefined);
  assert.ok(gpu.error <= 1e-4, `off by ${gpu.error} from the known answer`);
  const cpu = await stylize({ style: "sky", device: "cpu", precision: "f32" });
  assert.equal(cpu.engine, "cpu");
  assert.ok(cpu.error <= 1e-4, `off by ${cpu.error} from the known answer`);
  const worst = gpu.pixels.reduce((worst, value, i) => Math.max(worst, Math.abs(value - cpu.pixels[i])), 0);
  assert.ok(worst <= 1, `the pictures differ by ${worst} of 255`);
});

test("an emulated GPU is not used unless asked for", async (t) => {
  if (noAdapter) return t.skip(noAdapter);
  const picture = await stylize({ device: "auto" });
  assert.equal(picture.engine, "cpu");
  assert.match(picture.fellBack, /emulated in software/);
  await assert.rejects(stylize({ device: "webgpu" }), /emulated in software/);
});

test("a GPU that is lost while it draws: the CPU finishes the photo", { timeout: 240_000 }, async (t) => {
  if (noAdapter) return t.skip(noAdapter);
  // The worker destroys its device as soon as the picture's work was given to it.
  await prependToWorker(browser, `
      const requestDevice = GPUAdapter.prototype.requestDevice;
      let device, drawing = false;
      GPUAdapter.prototype.requestDevice = async function (...options) {
        device = await requestDevice.apply(this, options);
        return device;
      };
      addEventListener("message", ({ data }) => (drawing ||= data.type === "stylize"));
      const submit = GPUQueue.prototype.submit;
      GPUQueue.prototype.submit = function (...buffers) {
        submit.apply(this, buffers);
        if (drawing) device.destroy();
      };`);
  const picture = await stylize({ device: "webgpu", allowFallbackAdapter: true });
  assert.equal(picture.engine, "cpu");
  assert.match(picture.fellBack, /the GPU was lost|the gpu engine failed/);
  assert.deepEqual([picture.width, picture.height], [64, 64]);
});

/** What a GPU may hold in a buffer here, and the sides of a picture that is too large for it. */
const [MIB, SIDE_PX] = [16, 850];

test("no more is asked for than there is, a larger picture is the CPU's, the next one the GPU's", { timeout: 240_000 }, async (t) => {
  if (noAdapter) return t.skip(noAdapter);
  const { page } = browser;
  await prependToWorker(browser, `
      for (const name of ["maxBufferSize", "maxStorageBufferBindingSize"]) {
        const { get } = Object.getOwnPropertyDescriptor(GPUSupportedLimits.prototype, name);
        Object.defineProperty(GPUSupportedLimits.prototype, name, { get() { return Math.min(get.call(this), ${MIB} << 20); } });
      }
      const requestDevice = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = function (descriptor) {
        const { maxBufferSize, maxStorageBufferBindingSize } = descriptor.requiredLimits;
        new BroadcastChannel("limits").postMessage([maxBufferSize, maxStorageBufferBindingSize]);
        return requestDevice.call(this, descriptor);
      };`);
  const made = await page.evaluate(async (side) => {
    // @ts-ignore: an address of the served folder, not of this one.
    const { createStylizer } = await import("/nijigen/index.js");
    const asked = /** @type {number[][]} */ ([]);
    new BroadcastChannel("limits").onmessage = ({ data }) => asked.push(data);
    const stylizer = await createStylizer({ style: "ink-tiny", device: "webgpu", allowFallbackAdapter: true });
    try {
      const pictures = [];
      for (const px of [side, 32]) {
        const pixels = new Uint8ClampedArray(4 * px * px).map((_, i) => (i * 37) % 251);
        const photo = new ImageData(pixels, px);
        const picture = await stylizer.stylize(photo, { size: px, output: "imagedata" });
        pictures.push([picture.width, picture.engine, picture.fellBackCode ?? "", picture.fellBack ?? ""]);
      }
      return { asked, pictures, error: await stylizer.selfCheck() };
    } finally {
      stylizer.dispose();
    }
  }, SIDE_PX);
  const bytes = MIB * 2 ** 20;
  assert.deepEqual(made.asked, [[bytes, bytes]]);
  const [[, , , words], after] = made.pictures;
  assert.deepEqual(made.pictures[0], [SIDE_PX, "cpu", "gpu-capacity", words]);
  assert.match(words, new RegExp(`${SIDE_PX} x ${SIDE_PX} pixels needs .*the device (takes|binds) ${MIB}\\.0 MiB`));
  assert.deepEqual(after, [32, "webgpu", "", ""]);
  assert.ok(made.error <= 1e-4, `off by ${made.error} from the known answer`);
});

/** What goes wrong on a GPU, and the words of the error. */
const SABOTAGES = /** @type {const} */ ([
  ["silently does nothing", "GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {};", /0 of \d+ layers were normalised/],
  ["computes something else", shaders("max(normalised, slope * normalised)", "normalised"), /known answer/],
  ["refuses a shader", shaders("slope * normalised", "no_such_value * normalised"), /the gpu engine failed.*no_such_value/s],
]);

/** A script that changes the shaders. @param {string} text @param {string} other */
function shaders(text, other) {
  return `
      const createShaderModule = GPUDevice.prototype.createShaderModule;
      GPUDevice.prototype.createShaderModule = function (descriptor) {
        const code = descriptor.code.replace(${JSON.stringify(text)}, ${JSON.stringify(other)});
        return createShaderModule.call(this, { ...descriptor, code });
      };`;
}

for (const [what, script, words] of SABOTAGES) {
  test(`a GPU that ${what} is not trusted`, { timeout: 240_000 }, async (t) => {
    if (noAdapter) return t.skip(noAdapter);
    await prependToWorker(browser, script);
    const picture = await stylize({ device: "auto", allowFallbackAdapter: true });
    assert.equal(picture.engine, "cpu");
    assert.match(picture.fellBack, words);
  });
}

test("where nothing but a GPU was asked for, one that is not trusted is an error", { timeout: 240_000 }, async (t) => {
  if (noAdapter) return t.skip(noAdapter);
  const [, script, words] = SABOTAGES[2];
  await prependToWorker(browser, script);
  await assert.rejects(stylize({ device: "webgpu", allowFallbackAdapter: true }), words);
});

test("a style whose bytes were changed is refused", async () => {
  await forgetFiles(browser);
  await browser.context.route("**/styles/*.safetensors", async (route) => {
    const response = await route.fetch({ maxRetries: 3 });
    const body = await response.body();
    body[body.length - 1] ^= 1;
    await route.fulfill({ response, body });
  });
  await assert.rejects(stylize({ device: "cpu" }), /SHA-256 is .*, expected/);
});

test("an engine that does not load is told in words, and can be tried again", async () => {
  const { page } = browser;
  await forgetFiles(browser);
  await browser.context.route("**/wasm/cpu*/nijigen_bg.wasm", (route) => route.fulfill({ status: 404, body: "" }));
  await openPage(browser);
  const outcome = await convert(page, photo("plain.png"));
  assert.match("error" in outcome ? outcome.error : "", /CPU engine could not be loaded/);
  await browser.context.unrouteAll({ behavior: "ignoreErrors" });
  const again = await convert(page, photo("plain.png"));
  assert.match("status" in again ? again.status : again.error, /96 × 96/);
});

test("a worker that crashes is replaced", async () => {
  const { page } = browser;
  await prependToWorker(browser, `addEventListener("message", ({ data }) => {
      if (data.type === "stylize") setTimeout(() => { throw new Error("sabotage"); }, 0);
    });`);
  await openPage(browser);
  const outcome = await convert(page, join(ROOT, "www/samples/coffee.jpg"));
  assert.match("error" in outcome ? outcome.error : "", /stopped unexpectedly.*sabotage/);
  await browser.context.unrouteAll({ behavior: "ignoreErrors" });
  const again = await convert(page, photo("plain.png"));
  assert.match("status" in again ? again.status : again.error, /96 × 96/);
});
