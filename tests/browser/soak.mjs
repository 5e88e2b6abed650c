/**
 * An album of many photos under all that can go wrong at once: faulty files among them, a worker killed every 20th photo,
 * storage that is full after a fifth of them, and a reload after half.
 *
 *     node tests/browser/soak.mjs [PHOTOS]        500 by default; docs/reliability.md has the figures
 */

import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PNG } from "pngjs";
import { DIE_WHEN_TOLD, TELL_MEMORY, openBrowser, openPage, photo, prependToWorker } from "./browser.mjs";

/** Every so many-th photo is one of these, and what is expected of it. @type {[file: string, words?: RegExp][]} */
const ODD = [
  ["cmyk.jpg"],
  ["truncated.png", /damaged/],
  ["four-fifths.jpg"],
  ["text.jpg", /not a picture/],
  ["animated.gif"],
  ["huge-header.png", /20000 x 20000/],
  ["exif-rotated.jpg"],
  ["empty.png", /empty/],
  ["one-pixel.png"],
  ["truncated.jpg", /ends early/],
];
const ODD_EVERY = 5;
const KILL_EVERY = 20;
/** Most files that the page is given at once. */
const MOST_AT_ONCE = 25;
const FULL_BYTES = 100_000;
const FULL_WORDS = /storage that the browser grants this page is full/;

/** The engine's memory may have so many bytes, however many photos there were. */
const MOST_ENGINE_BYTES = 128e6;
/**
 * Objects may grow by so many bytes since the first photos: for each photo more in the list, whose thumbnail has 173 kB, and
 * for what awaits its collection.
 */
const ROW_BYTES = 250e3;
const SLACK_BYTES = 30e6;
/** A worker that has nothing to do answers within this time. */
const ANSWER_MS = 3000;

/** The engine's memory is told before each photo, and the worker dies when it is told to. */
const SABOTAGE = DIE_WHEN_TOLD + TELL_MEMORY;

/** @param {number} i @returns {{name: string, mimeType: string, buffer: Buffer, words?: RegExp}} */
function photoFile(i) {
  const number = String(i).padStart(3, "0");
  if (i % ODD_EVERY === ODD_EVERY - 1) {
    const [file, words] = ODD[Math.floor(i / ODD_EVERY) % ODD.length];
    return { name: `${number}-${file}`, mimeType: "", buffer: readFileSync(photo(file)), words };
  }
  // From a few pixels to more than a canvas of a phone shows at once; most are small.
  const [width, height] = i % 20 === 3 ? [1600, 1100] : [16 + ((i * 67) % 300), 16 + ((i * 41) % 240)];
  const png = new PNG({ width, height });
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [at % width, Math.floor(at / width)];
    const value = (/** @type {number} */ phase) => 128 + 100 * Math.sin((x + (i % 7) * y) / (9 + (i % 13)) + phase);
    png.data.set([value(0), value(1 + i), value(2), i % 9 === 4 && x < width / 2 ? 90 : 255], 4 * at);
  }
  return { name: `${number}.png`, mimeType: "image/png", buffer: PNG.sync.write(png) };
}

/**
 * @param {number} count of photos
 * @param {(words: string) => void} tell
 */
export async function soak(count, tell) {
  const browser = await openBrowser({ flags: ["--enable-blink-features=ForceEagerMeasureMemory"] });
  try {
    return await run(browser, count, tell);
  } finally {
    await browser.close();
  }
}

/**
 * Lets the storage be full until the browser is closed.
 * @param {import("./browser.mjs").Browser} browser
 */
async function fillStorage({ page, context, url }) {
  // Navigating lifts a limit of the same tab's.
  const devtools = await context.newCDPSession(await context.newPage());
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(url).origin, quotaSize: FULL_BYTES });
  // For half a minute, Chromium goes by the space that it remembers.
  await page.evaluate(async () => {
    const open = indexedDB.open("probe");
    open.onupgradeneeded = () => open.result.createObjectStore("bytes");
    await new Promise((resolve) => (open.onsuccess = resolve));
    const isRefused = () =>
      new Promise((resolve) => {
        const writing = open.result.transaction("bytes", "readwrite");
        writing.objectStore("bytes").put(new Uint8Array(1024), 0);
        writing.oncomplete = () => resolve(false);
        writing.onabort = () => resolve(true);
      });
    while (!(await isRefused())) await new Promise((resolve) => setTimeout(resolve, 500));
    open.result.close();
  });
}

/** @param {import("./browser.mjs").Browser} browser @param {number} count @param {(words: string) => void} tell */
async function run(browser, count, tell) {
  const { page } = browser;
  await prependToWorker(browser, SABOTAGE);
  const prepare = async () => {
    await openPage(browser);
    await page.selectOption("#size", "512");
    await page.evaluate(() => {
      const channel = new BroadcastChannel("memory");
      channel.onmessage = ({ data }) => Object.assign(globalThis, { engineBytes: data });
    });
  };
  await prepare();
  const begun = performance.now();
  const done = page.locator("#queue li[data-state=done]");
  const wave = Math.min(MOST_AT_ONCE, Math.ceil(count / 5));
  /** How the photos have ended. @type {(string | undefined)[]} */
  const ends = [];
  /** @type {string[]} */
  const wrong = [];
  /** @type {Memory[]} */
  const memory = [];
  let [kills, kept, restored] = [0, 0, 0];

  for (let first = 0; first < count; first += wave) {
    if (!kept && first >= count / 5) {
      kept = await done.count();
      await fillStorage(browser);
    }
    if (!restored && first >= count / 2) {
      await page.reload();
      await prepare();
      await done.nth(kept - 1).waitFor();
      restored = await done.count();
    }
    const files = Array.from({ length: Math.min(wave, count - first) }, (_, i) => photoFile(first + i));
    await page.setInputFiles("#file", files.map(({ name, mimeType, buffer }) => ({ name, mimeType, buffer })));
    // The worker is killed while it draws, or else when it has nothing to do.
    for (let i = 0; i < Math.floor((first + files.length) / KILL_EVERY) - Math.floor(first / KILL_EVERY); i++) {
      await page.waitForFunction((done) => {
        const rows = [...document.querySelectorAll("#queue li")].map((row) => /** @type {HTMLElement} */ (row).dataset.state);
        const isOver = !rows.includes("waiting") && !rows.includes("running");
        return isOver || (rows.filter((state) => state === "done").length > done && rows.includes("running"));
      }, await done.count());
      await page.evaluate(() => new BroadcastChannel("test").postMessage(""));
      kills += 1;
    }
    const isOver = (/** @type {string} */ last) =>
      document.querySelector(`#queue button[title="${last}"]`) &&
      !document.querySelector("#queue li:is([data-state=waiting], [data-state=running])");
    await page.waitForFunction(isOver, files[files.length - 1].name, { timeout: 600_000 });
    const rows = await page.$$eval("#queue li", (rows) =>
      rows.map((row) => [row.querySelector(".name")?.textContent ?? "", /** @type {HTMLElement} */ (row).dataset.state ?? ""]),
    );
    for (const { name, words } of files) {
      const state = rows.find(([other]) => other === name)?.[1];
      ends.push(state);
      if (state !== (words ? "failed" : "done")) wrong.push(`${name}: ${state}`);
      if (state !== "failed") continue;
      await page.click(`#queue button.open[title="${name}"]`);
      const said = `${await page.innerText("#error-words")} ${await page.textContent("#error-detail")}`;
      if (!words?.test(said)) wrong.push(`${name}: ${said}`);
    }
    if (kept) {
      const said = await page.innerText("#queue-unsaved");
      if (!FULL_WORDS.test(said)) wrong.push(`of the full storage is said: "${said}"`);
    }
    const held = await measure(page, first + files.length);
    memory.push(held);
    tell(`${held.photos} photos, ${kills} workers killed; ${inWords(held)}`);
  }
  wrong.push(...growth(memory));
  return {
    seconds: (performance.now() - begun) / 1000,
    done: ends.filter((state) => state === "done").length,
    failed: ends.filter((state) => state === "failed").length,
    wrong,
    kills,
    kept,
    restored,
    memory,
    complaints: browser.complaints.filter((words) => !words.includes("sabotage")),
  };
}

/**
 * What is held once some photos have ended.
 * @typedef {object} Memory
 * @property {number} photos given so far
 * @property {number} rows in the list, each with a thumbnail
 * @property {number} objects bytes of the page's and the workers' objects
 * @property {number} engine bytes of its memory
 * @property {number} workers of the engine
 * @property {number} faces workers that find faces
 */

/** @param {import("playwright-core").Page} page @param {number} photos @returns {Promise<Memory>} */
async function measure(page, photos) {
  const [objects, engine] = await page.evaluate(async () => {
    const { bytes } = await /** @type {any} */ (performance).measureUserAgentSpecificMemory();
    return [bytes, /** @type {any} */ (globalThis).engineBytes];
  });
  // Threads wait for work and do not answer; of a killed worker's, Playwright does not hear that they ended.
  const answers = page.workers().map(async (worker) => {
    const isThere = worker.evaluate(() => true).catch(() => false);
    return (await Promise.race([isThere, wait(ANSWER_MS, false)])) ? [worker.url()] : [];
  });
  const all = (await Promise.all(answers)).flat();
  const faces = all.filter((url) => url.includes("/face_worker/")).length;
  const rows = await page.locator("#queue li").count();
  return { photos, rows, objects, engine, workers: all.length - faces, faces };
}

/** @param {Memory} memory */
function inWords({ rows, objects, engine, workers, faces }) {
  const [all, ofEngine] = [objects, engine].map((bytes) => (bytes / 1e6).toFixed(1));
  return `${rows} in the list, ${all} MB of objects, ${ofEngine} MB of the engine, ${workers} workers, ${faces} for faces`;
}

/** What has grown beyond its bound. @param {Memory[]} memory @returns {string[]} */
function growth(memory) {
  const [first] = memory;
  return memory
    .filter(({ rows, objects, engine, workers, faces }) => {
      const most = first.objects + SLACK_BYTES + ROW_BYTES * Math.max(0, rows - first.rows);
      return engine > MOST_ENGINE_BYTES || workers > 1 || faces > 1 || objects > most;
    })
    .map((held) => `after ${held.photos} photos there are ${inWords(held)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await soak(Number(process.argv[2] ?? 500), console.log);
  console.log(result);
  if (result.wrong.length || result.complaints.length) process.exitCode = 1;
}
