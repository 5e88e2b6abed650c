/** Looks: a portrait network beside a style's own draws the faces whose mesh is known. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, convert, forgetFiles, openPage, openPlain, outcome, prependToWorker } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";
import {
  PORTRAIT_ENTRY, PORTRAIT_STYLE, SEGMENTATION_ENTRY, addFaceNetworks, addPortrait, listStyles, removePortrait,
} from "./portrait_style.mjs";

const ASTRONAUT = join(ROOT, "www/samples/astronaut.jpg");

const browser = freshBrowser();

/**
 * Runs `body` in a document of the page's origin. It sees `start`, which makes a stylizer on the CPU, `draw`, which
 * draws `photo` (an astronaut) with it and tells what came of it, and `listLooks`.
 * @param {string} body of an asynchronous function
 * @returns {Promise<any>} what it returns
 */
async function run(body) {
  await forgetFiles(browser);
  return browser.page.evaluate(`(async () => {
    const { createStylizer, listLooks } = await import("/nijigen/index.js");
    const photo = await (await fetch("/samples/astronaut.jpg")).blob();
    const started = [];
    const start = async (options) => {
      const stylizer = await createStylizer({ device: "cpu", variant: "tiny", ...options });
      started.push(stylizer);
      return stylizer;
    };
    const draw = async (stylizer, options) => {
      const { imageData, faces, facesFailed = "" } = await stylizer.stylize(photo, {
        size: 256, faces: "both", output: "imagedata", ...options,
      });
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", imageData.data)).join();
      return { hash, outcomes: faces.map(({ outcome }) => outcome).join(), failed: facesFailed };
    };
    try {
      ${body}
    } finally {
      for (const stylizer of started) stylizer.dispose();
    }
  })()`);
}

/** Requests of the network for faces since `from`. @param {number} from */
function askedSince(from) {
  return browser.requests.slice(from).filter((url) => url.endsWith(PORTRAIT_ENTRY.file)).length;
}

test("looks: families with their own portrait network, or the common one", async () => {
  const place = { title: { en: "A look" }, about: { en: "Soft" }, credit: "", license: "" };
  const portrait = { ...place, variant: "portrait" };
  /** @param {object[]} more */
  const list = async (...more) => {
    await listStyles(browser.context, ([ink]) => [
      { ...ink, name: "sky", family: "sky", ...place },
      { ...ink, name: "sky-tiny", family: "sky", variant: "tiny", title: { en: "A look, small" } },
      { ...portrait, name: "film-portrait", family: "film" },
      { ...ink, name: "film", family: "film", ...place, about: undefined },
      ...more,
    ]);
    const made = await run("return listLooks();");
    await browser.context.unrouteAll({ behavior: "ignoreErrors" });
    return made.map((/** @type {any} */ { name, title, about, networks, portrait, segmentation }) => {
      const ofFaces = [portrait, segmentation].flatMap((entry) => entry?.name ?? []).join();
      return [name, title.en, about.en ?? "", networks.map((/** @type {any} */ { name }) => name).join(), ofFaces];
    });
  };
  assert.deepEqual(await list(), [
    ["sky", "A look", "Soft", "sky,sky-tiny", ""],
    ["film", "A look", "", "film", "film-portrait"],
  ]);
  assert.deepEqual(await list(PORTRAIT_ENTRY, SEGMENTATION_ENTRY), [
    ["sky", "A look", "Soft", "sky,sky-tiny", "portrait,segmentation"],
    ["film", "A look", "", "film", "film-portrait,segmentation"],
  ]);
});

test("a network for faces is no style, and is not asked for before there is a face", async () => {
  await addPortrait(browser);
  const from = browser.requests.length;
  const made = await run(`
    const stylizer = await start();
    await stylizer.stylize(photo, { size: 64 });
    await stylizer.stylize(photo, { size: 64, faces: "both", landmarks: [] });
    const five = new Float32Array([204, 100, 246, 103, 224, 128, 201, 139, 244, 142]);
    const { faces } = await stylizer.stylize(photo, { size: 256, faces: "both", landmarks: [{ kind: "5", landmarks: five }] });
    return [faces[0].outcome, await start({ style: "portrait" }).catch(({ message }) => message)];`);
  assert.equal(made[0], "done");
  assert.match(made[1], /There is no style "portrait" \(there are: sky, sky-tiny, .*ink, ink-full, ink-tiny/);
  assert.equal(askedSince(from), 0);
});

test("a face is drawn by the portrait network, with its irises or without, and as like as is asked for", async () => {
  await removePortrait(browser);
  const find = `
    const stylizer = await start();
    const [face] = await stylizer.detectFaces(photo);`;
  const without = await run(`${find} return await draw(stylizer, { landmarks: [face] });`);
  await browser.context.unrouteAll({ behavior: "ignoreErrors" });
  await addPortrait(browser);
  const from = browser.requests.length;
  const made = await run(`${find}
    // Ten points in the middles of the eyes.
    const eyes = [[33, 133], [362, 263]].map((corners) =>
      [0, 1].map((axis) => corners.reduce((sum, i) => sum + face.landmarks[2 * i + axis], 0) / 2));
    const irises = eyes.flatMap((eye) => [[0, 0], [4, 0], [0, -4], [-4, 0], [0, 4]].flatMap(([x, y]) => [eye[0] + x, eye[1] + y]));
    const withIrises = { ...face, kind: "478", landmarks: Float32Array.from([...face.landmarks, ...irises]) };
    const progress = [];
    const other = await start({ onProgress: (key, current, total) => progress.push([key, current, total].join(" ")) });
    progress.length = 0;
    return {
      usual: await draw(other, { landmarks: [face] }),
      progress: progress.at(-1),
      same: await draw(stylizer, { landmarks: [face], likeness: 0.25 }),
      drawing: await draw(stylizer, { landmarks: [face], likeness: 0 }),
      likeness: await draw(stylizer, { landmarks: [face], likeness: 1 }),
      irises: await draw(stylizer, { landmarks: [withIrises] }),
      found: await draw(stylizer),
    };`);
  const { usual, same, drawing, likeness, irises, found, progress } = made;
  for (const picture of [without, usual, same, drawing, likeness, irises, found]) {
    assert.deepEqual([picture.outcomes, picture.failed], ["done", ""]);
  }
  assert.deepEqual([usual.hash, found.hash], [same.hash, same.hash], "the default likeness is 0.25");
  const different = [without, usual, drawing, likeness, irises];
  assert.equal(new Set(different.map(({ hash }) => hash)).size, different.length, "pictures are the same");
  assert.equal(progress, `style ${PORTRAIT_STYLE.length} ${PORTRAIT_STYLE.length}`);
  assert.equal(askedSince(from), 1, "the second stylizer finds it kept");
});

test("skin and hair around a face are drawn as the segmentation network tells them", async () => {
  await addPortrait(browser);
  const without = await run("return await draw(await start());");
  await browser.context.unrouteAll({ behavior: "ignoreErrors" });
  await addFaceNetworks(browser);
  const made = await run("return await draw(await start());");
  assert.deepEqual([made.outcomes, made.failed], ["done", ""]);
  assert.notEqual(made.hash, without.hash);
});

test("what is no segmentation network is refused, and leaves the faces to the style", async () => {
  await removePortrait(browser);
  const without = await run("return await draw(await start());");
  await browser.context.unrouteAll({ behavior: "ignoreErrors" });
  await addFaceNetworks(browser, PORTRAIT_STYLE);
  const made = await run("return await draw(await start());");
  assert.match(made.failed, /portrait is a portrait network, .*expected a segmentation network/);
  assert.equal(made.hash, without.hash);
});

test("a portrait alone is drawn by it, too", async () => {
  const portrait = 'return await draw(await start(), { faces: "faces" });';
  await removePortrait(browser);
  const without = await run(portrait);
  await browser.context.unrouteAll({ behavior: "ignoreErrors" });
  await addPortrait(browser);
  const made = await run(portrait);
  assert.deepEqual([without.outcomes, made.outcomes, made.failed], ["done", "done", ""]);
  assert.notEqual(made.hash, without.hash);
});

test("one that cannot be loaded leaves the faces to the style, which is said, and is tried again", async () => {
  await removePortrait(browser);
  const without = await run("return await draw(await start());");
  await browser.context.unrouteAll({ behavior: "ignoreErrors" });
  let served = 0;
  await addPortrait(browser, (route) => {
    const [spoilt, other] = [Buffer.from(PORTRAIT_STYLE), Buffer.from(PORTRAIT_STYLE)];
    spoilt[spoilt.length - 1] ^= 1;
    const answers = [{ status: 404, body: "" }, { body: spoilt }, { body: spoilt }, { body: spoilt }, { body: other }];
    return route.fulfill(answers[served++]);
  });
  const made = await run(`
    const stylizer = await start({ cache: false });
    const pictures = [];
    for (let i = 0; i < 4; i++) pictures.push(await draw(stylizer));
    return pictures;`);
  const [missing, wrong, again, later] = made;
  assert.match(missing.failed, /test-portrait.safetensors could not be loaded .*404/);
  assert.match(wrong.failed, /SHA-256 is/);
  for (const picture of [missing, wrong]) assert.deepEqual([picture.hash, picture.outcomes], [without.hash, "done"]);
  // Fetched again at once where a cache may hold another file.
  assert.deepEqual([again.failed, later.failed, served], ["", "", 5]);
  assert.notEqual(again.hash, without.hash);
  assert.equal(later.hash, again.hash);
});

test("after a crash, a fresh worker draws faces by it", async () => {
  await addPortrait(browser);
  await prependToWorker(browser, `new BroadcastChannel("test").onmessage = () => { throw new Error("sabotage"); };`);
  const made = await run(`
    const stylizer = await start();
    const first = await draw(stylizer);
    new BroadcastChannel("test").postMessage("die");
    await new Promise((resolve) => setTimeout(resolve, 500));
    return [first, await draw(stylizer)];`);
  assert.deepEqual(made[1], made[0]);
  assert.deepEqual([made[0].outcomes, made[0].failed], ["done", ""]);
});

test("estimates count its time for a face, where the list tells it", async () => {
  const faces = `
    const stylizer = await start();
    const [all, whole] = [await stylizer.estimate(512, 512, { faces: "both" }), await stylizer.estimate(512, 512)];
    return (all.ms - whole.ms) / whole.ms;`;
  const shares = [];
  for (const factor of [undefined, 3]) {
    await listStyles(browser.context, (styles) => [
      ...styles.map((entry) => ({ ...entry, ms_512: 100 })),
      { ...PORTRAIT_ENTRY, ms_512: factor && factor * 100 },
    ]);
    shares.push(await run(faces));
    await browser.context.unrouteAll({ behavior: "ignoreErrors" });
  }
  assert.deepEqual(shares.map((share) => share.toFixed(3)), ["1.000", "3.000"]);
});

test("the page: faces are drawn by default, more or less like the photo, which is saved with them", async () => {
  const { page, url } = browser;
  await addPortrait(browser);
  await openPlain(browser);
  await page.goto(url);
  await page.waitForSelector("#styles label");
  assert.equal(await page.inputValue("#faces input:checked"), "both");
  assert.match(await page.innerText("#styles label"), /Open sky\s+Luminous painted places/);
  await page.selectOption("#device", "cpu");
  await page.selectOption("#size", "512");
  const drawn = await convert(page, ASTRONAUT);
  assert.match("status" in drawn ? drawn.status : drawn.error, /1 face drawn\. Finding/);
  const pixels = () => page.$eval("#picture", (canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
  const before = await pixels();
  const readyWith = (/** @type {string} */ value) => page.waitForFunction(
    (value) => /** @type {HTMLInputElement} */ (document.querySelector("#likeness")).value === value
      && !(/** @type {HTMLElement} */ (document.querySelector("#download")).hidden), value,
  );
  await page.focus("#likeness");
  await page.keyboard.press("End");
  await outcome(page);
  await readyWith("100");
  assert.equal(await page.innerText("#likeness-value"), "100 %");
  assert.notEqual(await pixels(), before);
  await page.check("#faces input[value=off]");
  assert.ok(!(await page.isVisible("#likeness")));
  await page.check("#faces input[value=both]");
  await outcome(page);
  const saved = await page.evaluate(async () => {
    const { openSavedQueue } = await import(/** @type {any} */ ("/app/saved_queue.js"));
    const [{ options }] = await (await openSavedQueue()).list();
    return options.settings;
  });
  assert.deepEqual([saved.faces, saved.likeness], ["both", 1]);
  await page.click("#clear");
});

test("the page: a network for faces that cannot be loaded is told of", async () => {
  await addPortrait(browser, (route) => route.fulfill({ status: 404, body: "" }));
  await forgetFiles(browser);
  await openPage(browser);
  const { page } = browser;
  await page.check("#faces input[value=both]");
  await page.selectOption("#size", "512");
  const drawn = await convert(page, ASTRONAUT);
  const said = "status" in drawn ? drawn.status : drawn.error;
  assert.match(said, /1 face drawn\. The network for faces could not be loaded: the style's own drew them\./);
});
