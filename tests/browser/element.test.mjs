/** `<nijigen-photo>`: attributes, events, laziness, comparing, and leaving the document. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PNG } from "pngjs";
import { openPlain } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser();

/**
 * Runs `body` in an empty document under the page's policy. It sees `NijigenPhoto`, `add`, which makes an
 * element with these attributes, without faces unless they say so, and `next`, which waits for an event.
 * @param {string} body of an asynchronous function
 * @returns {Promise<any>} what it returns
 */
async function run(body) {
  await openPlain(browser);
  browser.complaints.length = 0;
  return browser.page.evaluate(`(async () => {
    let workers = 0;
    globalThis.Worker = class extends Worker {
      constructor(...parameters) {
        super(...parameters);
        workers += 1;
      }
    };
    const { NijigenPhoto } = await import("/nijigen/define.js");
    document.body.replaceChildren();
    const src = "/samples/astronaut.jpg";
    const add = (attributes, content = []) => {
      const element = document.createElement("nijigen-photo");
      const all = { src, size: 64, device: "cpu", faces: "off", ...attributes };
      for (const [name, value] of Object.entries(all)) element.setAttribute(name, value);
      element.append(...content);
      document.body.append(element);
      return element;
    };
    const next = (element, type) => new Promise((resolve) => element.addEventListener(type, resolve, { once: true }));
    const part = (element, name) => element.shadowRoot.querySelector(\`[part="\${name}"]\`);
    ${body}
  })()`);
}

test("many elements share a worker; events come like those of an image", async () => {
  const made = await run(`
    const events = [];
    const first = add({ alt: "An astronaut" });
    for (const type of ["loadstart", "progress", "load", "error"]) {
      first.addEventListener(type, ({ loaded }) => {
        const told = type === "progress" ? \`progress \${loaded}\` : type;
        if (loaded === undefined || type === "loadstart" || loaded % 100 === 0) events.push(told);
      });
    }
    const others = [add({ alt: "Another" }), add({ size: 48 })];
    const before = first.complete;
    await Promise.all([first, ...others].map((element) => next(element, "load")));
    const picture = part(first, "picture");
    const blob = await first.toBlob("image/webp");
    return {
      before, events: [...new Set(events)], workers, complete: first.complete, type: blob.type,
      size: [picture.width, picture.height], label: picture.getAttribute("aria-label"), role: picture.role,
      progress: part(first, "progress").hidden,
    };`);
  assert.equal(made.before, false);
  assert.deepEqual(made.events, ["loadstart", "progress 0", "progress 100", "load"]);
  // One engine, and its threads: those are workers of the worker.
  assert.equal(made.workers, 1);
  assert.deepEqual([made.complete, made.type, made.size], [true, "image/webp", [64, 64]]);
  assert.deepEqual([made.label, made.role, made.progress], ["An astronaut", "img", true]);
  assert.deepEqual(browser.complaints.filter((words) => /policy/i.test(words)), []);
});

test("photo and picture are compared with the keyboard", async () => {
  const made = await run(`
    document.documentElement.lang = "zh-CN";
    const element = add({ controls: "" });
    await next(element, "load");
    const slider = part(element, "slider");
    slider.focus();
    return { value: slider.value, label: slider.getAttribute("aria-label") };`);
  assert.equal(made.value, "50");
  assert.match(made.label, /对比/);
  await browser.page.keyboard.press("ArrowRight");
  await browser.page.keyboard.press("End");
  const end = await browser.page.evaluate(() => {
    const root = /** @type {ShadowRoot} */ (document.querySelector("nijigen-photo")?.shadowRoot);
    const frame = /** @type {HTMLElement} */ (root.querySelector(".frame"));
    const picture = /** @type {HTMLElement} */ (root.querySelector(".picture"));
    return [frame.style.getPropertyValue("--split"), getComputedStyle(picture).clipPath];
  });
  assert.deepEqual(end, ["100%", "inset(0px 0px 0px 100%)"]);
});

test("properties are attributes; strength needs no new picture, another style or photo does", async () => {
  const made = await run(`
    const element = add({});
    await next(element, "load");
    const blob = async () => new Uint8Array(await (await element.toBlob()).arrayBuffer()).join();
    const whole = await blob();
    let loads = 0;
    element.addEventListener("loadstart", () => (loads += 1));
    element.strength = 0.5;
    element.controls = true;
    const half = await blob();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const quiet = loads;
    element.src = "/samples/coffee.jpg";
    await next(element, "load");
    const other = await blob();
    return {
      quiet, loads, changed: new Set([whole, half, other]).size,
      attributes: element.getAttributeNames().sort(), strength: element.getAttribute("strength"),
      artStyle: element.artStyle, opacity: part(element, "picture").style.opacity,
    };`);
  assert.deepEqual([made.quiet, made.loads, made.changed], [0, 1, 3]);
  assert.deepEqual(made.attributes, ["controls", "device", "faces", "size", "src", "strength"]);
  assert.deepEqual([made.strength, made.artStyle, made.opacity], ["0.5", "", "0.5"]);
});

test("the file of a half-transparent photo is what stylize makes of it", async () => {
  const png = new PNG({ width: 64, height: 48 });
  for (let i = 0; i < png.data.length; i += 4) png.data.set([i % 256, 120, 60, i % 256], i);
  await browser.context.route("**/half.png", (route) => route.fulfill({ contentType: "image/png", body: PNG.sync.write(png) }));
  const made = await run(`
    const half = "/half.png";
    const photo = await (await fetch(half)).blob();
    const { createStylizer } = await import("/nijigen/index.js");
    const stylizer = await createStylizer({ device: "cpu" });
    const read = async (blob) => {
      const bitmap = await createImageBitmap(blob);
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
    };
    const element = add({ src: half });
    await next(element, "load");
    const errors = {};
    for (const strength of [0, 0.3, 0.5, 1]) {
      element.strength = strength;
      const { blob } = await stylizer.stylize(photo, { size: 64, strength });
      const [expected, file] = await Promise.all([blob, await element.toBlob()].map(read));
      const worst = [0, 0];
      expected.forEach((value, i) => {
        // Colours of what is nearly transparent are rounded.
        const [kind, weight] = i % 4 === 3 ? [1, 1] : [0, expected[i | 3] / 255];
        worst[kind] = Math.max(worst[kind], weight * Math.abs(value - file[i]));
      });
      errors[strength] = worst;
    }
    stylizer.dispose();
    return errors;`);
  for (const [strength, [colour, alpha]] of Object.entries(made)) {
    assert.equal(alpha, 0, `at strength ${strength}, alpha is off by ${alpha}`);
    assert.ok(colour <= 3, `at strength ${strength}, colours are off by ${colour}`);
  }
});

test("faces are drawn unless the host says no; likeness asks for another picture", async () => {
  const made = await run(`
    const element = document.createElement("nijigen-photo");
    const defaults = [element.faces, element.likeness];
    element.faces = "both";
    element.likeness = 0.5;
    const attributes = ["faces", "likeness"].map((name) => element.getAttribute(name));
    const drawn = add({});
    await next(drawn, "load");
    drawn.likeness = 2;
    await next(drawn, "error");
    return { defaults, attributes, words: drawn.error.message };`);
  assert.deepEqual([made.defaults, made.attributes], [["both", 0.25], ["both", "0.5"]]);
  assert.match(made.words, /likeness is 2, expected a number from 0 to 1/);
});

test("an element begins when it is nearly seen, unless it is eager", async () => {
  const made = await run(`
    const space = document.createElement("div");
    space.style.height = "5000px";
    document.body.append(space);
    const lazy = add({});
    const eager = add({ loading: "eager" });
    let started = false;
    lazy.addEventListener("loadstart", () => (started = true));
    await next(eager, "load");
    const early = started;
    lazy.scrollIntoView();
    await next(lazy, "load");
    return { early, started };`);
  assert.deepEqual(made, { early: false, started: true });
});

test("an element that leaves the document stops, and starts again when it is put back", async () => {
  const made = await run(`
    const element = add({ size: 512 });
    const events = [];
    for (const type of ["loadstart", "load", "error"]) element.addEventListener(type, () => events.push(type));
    await next(element, "progress");
    element.remove();
    await next(add({}), "load");
    const left = [...events];
    element.size = 64;
    document.body.append(element);
    await next(element, "load");
    return { left, events, workers };`);
  assert.deepEqual(made.left, ["loadstart"]);
  assert.deepEqual(made.events, ["loadstart", "loadstart", "load"]);
  assert.equal(made.workers, 1);
});

test("errors are told by an event and in words; the image inside is the photo, and shown until then", async () => {
  const made = await run(`
    const missing = add({ src: "/none.jpg" });
    await next(missing, "error");
    const wrong = add({ faces: "all" });
    await next(wrong, "error");
    const unknown = add({ "art-style": "none" });
    await next(unknown, "error");
    const image = new Image();
    image.src = src;
    const inside = add({}, [image]);
    inside.removeAttribute("src");
    await image.decode();
    const shown = image.getBoundingClientRect().width > 0;
    await next(inside, "load");
    return {
      codes: [missing.error.code, wrong.error.message, unknown.error.code],
      words: part(missing, "error").hidden ? "" : part(missing, "error").textContent,
      shown, later: image.getBoundingClientRect().width,
    };`);
  assert.equal(made.codes[0], "photo-unreachable");
  assert.match(made.codes[1], /faces is "all"/);
  assert.equal(made.codes[2], "style-invalid");
  assert.match(made.words, /none.jpg.*404/);
  assert.deepEqual([made.shown, made.later], [true, 0]);
});
