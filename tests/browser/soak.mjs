/**
 * An album of many photos under all that can go wrong at once: faulty files among them, a worker killed every 20th photo,
 * storage that is full after a fifth of them, and a reload after half.
 *
 *     node tests/browser/soak.mjs [PHOTOS]        500 by default; docs/reliability.md has the figures
 */

import { readFileSync } from "node:fs";
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

/** @param {import("./browser.mjs").Browser} browser @param {number} count @param {(words: string) => void} tell */
async function run(browser, count, tell) {
  const { page, context, url } = browser;
  await prependToWorker(browser, SABOTAGE);
  const devtools = await context.newCDPSession(page);
  const limitStorage = () =>
    devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(url).origin, quotaSize: FULL_BYTES });
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
  const wave = Math.min(MOST_AT_ONCE, Math.ceil(count / 5));
  /** How each photo has ended, by its name. @type {Map<string, string>} */
  const ends = new Map();
  /** @type {string[]} */
  const wrong = [];
  /** @type {{photos: number, objects: number, engine: number}[]} */
  const memory = [];
  let [kills, isFull, isReloaded, restored] = [0, false, false, 0];
  /** Words of the failed ones are read by choosing them. @type {Map<string, RegExp | undefined>} */
  const expected = new Map();

  for (let first = 0; first < count; first += wave) {
    if (!isFull && first >= count / 5) {
      await limitStorage();
      isFull = true;
    }
    if (!isReloaded && first >= count / 2) {
      await page.reload();
      await prepare();
      await limitStorage();
      isReloaded = true;
      restored = await page.locator("#queue li[data-state=done]").count();
    }
    const files = Array.from({ length: Math.min(wave, count - first) }, (_, i) => photoFile(first + i));
    for (const { name, words } of files) expected.set(name, words);
    await page.setInputFiles("#file", files.map(({ name, mimeType, buffer }) => ({ name, mimeType, buffer })));
    // The worker is killed while it draws, or else when it has nothing to do.
    for (let i = 0; i < Math.floor((first + files.length) / KILL_EVERY) - Math.floor(first / KILL_EVERY); i++) {
      const done = await page.locator("#queue li[data-state=done]").count();
      await page.waitForFunction((done) => {
        const rows = [...document.querySelectorAll("#queue li")].map((row) => /** @type {HTMLElement} */ (row).dataset.state);
        const isOver = !rows.includes("waiting") && !rows.includes("running");
        return isOver || (rows.filter((state) => state === "done").length > done && rows.includes("running"));
      }, done);
      await page.evaluate(() => new BroadcastChannel("test").postMessage(""));
      kills += 1;
    }
    await page.waitForFunction(() => !document.querySelector("#queue li:is([data-state=waiting], [data-state=running])"), null, {
      timeout: 600_000,
    });
    const names = new Set(files.map(({ name }) => name));
    const rows = await page.$$eval("#queue li", (rows) =>
      rows.map((row) => [row.querySelector(".name")?.textContent ?? "", /** @type {HTMLElement} */ (row).dataset.state ?? ""]),
    );
    for (const [name, state] of rows) if (names.has(name)) ends.set(name, state);
    for (const name of names) {
      const words = expected.get(name);
      const state = ends.get(name);
      if (state !== (words ? "failed" : "done")) wrong.push(`${name}: ${state}`);
      if (state !== "failed") continue;
      await page.click(`#queue button.open[title="${name}"]`);
      const said = `${await page.innerText("#error-words")} ${await page.textContent("#error-detail")}`;
      if (!words?.test(said)) wrong.push(`${name}: ${said}`);
    }
    // Measuring takes a while.
    if ((first + files.length) % MOST_AT_ONCE) continue;
    const objects = await page.evaluate(async () => (await /** @type {any} */ (performance).measureUserAgentSpecificMemory()).bytes);
    const engine = await page.evaluate(() => /** @type {any} */ (globalThis).engineBytes);
    memory.push({ photos: first + files.length, objects, engine });
    tell(`${first + files.length} photos, ${kills} workers killed, ${(objects / 1e6).toFixed(1)} MB of objects, engine ${(engine / 1e6).toFixed(1)} MB`);
  }
  const unsaved = await page.innerText("#queue-unsaved");
  const states = [...ends.values()];
  return {
    seconds: (performance.now() - begun) / 1000,
    done: states.filter((state) => state === "done").length,
    failed: states.filter((state) => state === "failed").length,
    ended: ends.size,
    wrong,
    kills,
    restored,
    unsaved,
    memory,
    complaints: browser.complaints.filter((words) => !words.includes("sabotage")),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(await soak(Number(process.argv[2] ?? 500), console.log));
}
