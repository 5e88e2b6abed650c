/** The queue on the disk: order, replacement, a full disk, no database. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBytes } from "node:crypto";
import { PNG } from "pngjs";
import { openPage, openPlain } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const browser = freshBrowser();

/**
 * Runs `body` in a fresh document. It sees `queue`, `job(id, more)`, and `failure`, which waits for a
 * promise's error.
 * @param {string} body of an asynchronous function
 * @param {string} [first] what runs before the queue is opened
 * @returns {Promise<any>} what it returns
 */
async function run(body, first = "") {
  await openPlain(browser);
  return browser.page.evaluate(`(async () => {
    ${first}
    const { openSavedQueue } = await import("/app/saved_queue.js");
    const queue = await openSavedQueue();
    const job = (id, more) => ({ id, name: id + ".png", photo: new Blob([id]), options: { size: 512 }, state: "waiting", ...more });
    const failure = (promise) => promise.then(() => "it succeeded", ({ name, code }) => name + " " + code);
    ${body}
  })()`);
}

// The first of the tests: Chromium remembers for a while how much space there was.
test("a full disk is told by name and on the page, and what was saved stays", async () => {
  const { page, context, url } = browser;
  const devtools = await context.newCDPSession(page);
  // A navigation lifts the limit.
  const limitStorage = async () => {
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(url).origin, quotaSize: 100_000 });
  };
  await page.exposeFunction("limitStorage", limitStorage);
  const made = await run(`
    await limitStorage();
    await queue.put(job("kept"));
    const noise = Array.from({ length: 20 }, () => crypto.getRandomValues(new Uint8Array(65_536)));
    const large = new Blob(noise);
    const error = await failure(queue.put(job("large", { photo: large })));
    const ids = (await queue.list()).map(({ id }) => id);
    await queue.clear();
    return { error, ids, unavailable: queue.unavailable };`);
  assert.deepEqual(made, { error: "SavedQueueError quota", ids: ["kept"], unavailable: undefined });

  await openPage(browser);
  await limitStorage();
  const noise = Object.assign(new PNG({ width: 200, height: 200 }), { data: randomBytes(160_000) });
  const file = { name: "noise.png", mimeType: "image/png", buffer: PNG.sync.write(noise) };
  await page.setInputFiles("#file", file);
  await page.waitForSelector("#download:not([hidden])");
  assert.match(await page.innerText("main"), /storage that the browser grants this page is full/);
});

test("jobs come back in order after a reload, the latest state of each", async () => {
  await run(`
    await queue.clear();
    await Promise.all(["z", "a", "m"].map((id) => queue.put(job(id))));
    await queue.put(job("z", { state: "done", picture: new Blob(["picture"]) }));
    await queue.remove("a");`);
  const listed = await run(`
    const jobs = await queue.list();
    return Promise.all(jobs.map(async ({ id, name, photo, options, picture, state }) =>
      [id, name, await photo.text(), options.size, await picture?.text(), state]));`);
  assert.deepEqual(listed, [
    ["z", "z.png", "z", 512, "picture", "done"],
    ["m", "m.png", "m", 512, undefined, "waiting"],
  ]);
  assert.deepEqual(await run("await queue.clear(); return queue.list();"), []);
});

for (const [what, sabotage] of [
  ["forbidden", `indexedDB.open = () => { throw new DOMException("no", "SecurityError"); };`],
  ["damaged", `indexedDB.open = () => {
      const request = { error: new DOMException("damaged", "UnknownError") };
      setTimeout(() => request.onerror());
      return request;
    };`],
  ["blocked", `indexedDB.open = () => ({});`],
]) {
  test(`a database that is ${what} costs the saving only`, async () => {
    const made = await run(`
      const error = await failure(queue.put(job("a")));
      await queue.remove("a");
      await queue.clear();
      return { error, jobs: await queue.list(), unavailable: queue.unavailable };`, sabotage);
    assert.equal(made.error, "SavedQueueError unavailable");
    assert.deepEqual(made.jobs, []);
    assert.ok(made.unavailable);
  });
}
