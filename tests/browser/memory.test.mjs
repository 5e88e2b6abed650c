/** Pictures that take nearly all of the memory that a module with threads may have. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPlain } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser();

test("24 megapixels, mixed, beside the photo, with ten faces: a picture or words, never a trap", {
  timeout: 1_800_000,
}, async (t) => {
  const { page, requests } = browser;
  await openPlain(browser);
  page.setDefaultTimeout(1_800_000);
  const made = await page.evaluate(async () => {
    const { createStylizer } = await import(/** @type {any} */ ("/nijigen/index.js"));
    const [width, height] = [6000, 4000];
    const photo = new ImageData(width, height);
    const words = new Uint32Array(photo.data.buffer);
    for (let i = 0; i < words.length; i++) words[i] = 0xff000000 | (i * 2654435761);
    const faces = Array.from({ length: 10 }, (_, i) => {
      const [eyes, x, y] = [60 + 40 * i, 300 + 540 * i, 1000 + 150 * i];
      const points = [[0, 0], [1, 0], [0.5, 0.6], [0.1, 1], [0.9, 1]];
      const landmarks = Float32Array.from(points.flatMap(([u, v]) => [x + eyes * u, y + eyes * v]));
      return { kind: "5", landmarks };
    });
    const stylizer = await createStylizer({ device: "cpu", style: "ink-tiny", threads: 2 });
    const options = { size: 6000, strength: 0.5, sideBySide: true, faces: "both", landmarks: faces, output: "imagedata" };
    const large = await stylizer.stylize(photo, options).then(
      (/** @type {any} */ picture) => ({
        width: picture.width,
        outcomes: picture.faces.map((/** @type {any} */ face) => face.outcome),
        seconds: picture.elapsedMs / 1000,
      }),
      (/** @type {any} */ { code, message }) => ({ code, message }),
    );
    const small = await stylizer.stylize(new ImageData(64, 48), { sideBySide: true });
    stylizer.dispose();
    return { large, small: small.width };
  });
  t.diagnostic(JSON.stringify(made.large));
  if ("code" in made.large) {
    assert.equal(made.large.code, "memory", made.large.message);
    assert.match(made.large.message, /\d+ MB are needed, at most 975 MB may be used/);
  } else {
    assert.equal(made.large.width, 12_000);
    assert.deepEqual(made.large.outcomes, Array(10).fill("done"));
  }
  assert.equal(made.small, 128);
  const modules = requests.filter((request) => request.endsWith("nijigen_bg.wasm"));
  assert.equal(modules.length, 1, "the engine is not started again");
  assert.match(modules[0], /-threads\//);
});

test("what does not fit is refused once, and the engine goes on", async () => {
  await openPlain(browser);
  /** @type {string[]} */
  const engines = [];
  browser.page.on("worker", (worker) => {
    if (worker.url().includes("/engine_worker/worker.js")) engines.push(worker.url());
  });
  const made = await browser.page.evaluate(async () => {
    const { createStylizer } = await import(/** @type {any} */ ("/nijigen/index.js"));
    const stylizer = await createStylizer({ device: "cpu", style: "ink-tiny", threads: 2 });
    const queue = stylizer.queue();
    // 72 megapixels are 288 MB, and four times as much with the pair.
    const job = queue.add(new ImageData(9000, 8000), { size: 9000, sideBySide: true });
    await queue.idle();
    const small = await stylizer.stylize(new ImageData(64, 48));
    stylizer.dispose();
    return { code: job.error?.code, message: job.error?.message, attempts: job.attempts, width: small.width };
  });
  assert.equal(made.code, "memory", made.message);
  assert.match(made.message, /\d+ MB are needed, at most 975 MB may be used/);
  assert.deepEqual([made.attempts, made.width], [1, 64]);
  assert.equal(engines.length, 1, "the engine is not started again");
});
