/** Many photos on the page: one broken, cancelled, retried, removed; folders; a zip; the next visit. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { PNG } from "pngjs";
import { ROOT, download, drop, openBrowser, openPage, outcome, photo } from "./browser.mjs";

const ASTRONAUT = join(ROOT, "www/samples/astronaut.jpg");

/** @type {import("./browser.mjs").Browser} */
let browser;
/** A folder with two pictures, one in a folder of its own, and a text. */
let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nijigen-album-"));
  await mkdir(join(folder, "holiday/beach"), { recursive: true });
  await copyFile(photo("plain.png"), join(folder, "holiday/one.png"));
  await copyFile(photo("plain.jpg"), join(folder, "holiday/beach/two.jpg"));
  await writeFile(join(folder, "holiday/notes.txt"), "no picture");
  browser = await openBrowser();
  // Chromium may ask for a file's name; the tests cannot answer.
  await browser.page.addInitScript(() => Reflect.deleteProperty(window, "showSaveFilePicker"));
  await openPage(browser);
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** @param {number} number of the row, from 1 */
const row = (number) => browser.page.locator(`#queue li:nth-child(${number})`);

/** @returns {Promise<(string | undefined)[]>} of all rows */
const states = () => browser.page.$$eval("#queue li", (rows) => rows.map((row) => row.dataset.state));

/** @param {(string | undefined)[]} expected */
async function waitForStates(...expected) {
  await browser.page.waitForFunction(
    (expected) => {
      const rows = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#queue li"))];
      return rows.map((row) => row.dataset.state).join() === expected;
    },
    expected.join(),
    { timeout: 60_000 },
  );
}

/**
 * The files of a zip, by its central directory.
 * @param {Buffer} zip
 * @returns {Map<string, Buffer>}
 */
function readZip(zip) {
  const files = new Map();
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  let at = zip.readUInt32LE(end + 16);
  for (let i = 0; i < zip.readUInt16LE(end + 10); i++) {
    const [method, size] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    const local = zip.readUInt32LE(at + 42);
    const name = zip.subarray(at + 46, at + 46 + nameBytes).toString();
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const content = zip.subarray(start, start + size);
    files.set(name, method === 0 ? content : inflateRawSync(content));
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  return files;
}

test("one broken photo of three is said to be broken; the others are drawn", async () => {
  await browser.page.setInputFiles("#file", [photo("plain.png"), photo("text.jpg"), photo("plain.jpg")]);
  await waitForStates("done", "failed", "done");
  assert.equal(await browser.page.innerText("#queue-count"), "2 of 3 done");
  assert.match(await browser.page.innerText("#status"), /96 × 96/);
  await row(2).locator(".open").click();
  assert.match(await browser.page.innerText("#error"), /not a picture/);
  await row(3).locator(".open").click();
  await browser.page.waitForFunction(() => document.querySelector("#status")?.textContent?.includes("150 × 100"));
  assert.ok(!(await browser.page.isVisible("#error")));
  assert.equal((await download(browser.page)).name, "plain-anime.png");
});

test("a broken photo is tried again, and removed by keyboard; the focus goes on", async () => {
  const { page } = browser;
  await row(2).getByRole("button", { name: "Try text.jpg again" }).click();
  await waitForStates("done", "failed", "done");
  await row(2).getByRole("button", { name: "Remove text.jpg" }).focus();
  await page.keyboard.press("Enter");
  await waitForStates("done", "done");
  const focused = await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).innerText);
  assert.match(focused, /plain\.jpg\s+Done/);
});

test("one that runs and one that waits are cancelled, and retried", async () => {
  const { page } = browser;
  await page.setInputFiles("#file", [ASTRONAUT, photo("gray.jpg")]);
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.startsWith("Drawing"));
  // It waits, and is to be seen already.
  await page.waitForFunction(() => {
    const canvas = /** @type {HTMLCanvasElement | null} */ (document.querySelector("#queue li:nth-child(4) canvas"));
    return canvas?.getContext("2d")?.getImageData(120, 90, 1, 1).data[3] === 255;
  });
  assert.equal((await states())[3], "waiting");
  await row(4).getByRole("button", { name: "Cancel gray.jpg" }).click();
  await row(3).getByRole("button", { name: "Cancel astronaut.jpg" }).click();
  await waitForStates("done", "done", "cancelled", "cancelled");
  assert.equal(await page.innerText("#status"), "Cancelled.");
  await row(4).getByRole("button", { name: "Try gray.jpg again" }).click();
  await waitForStates("done", "done", "cancelled", "done");
  await row(3).getByRole("button", { name: "Remove astronaut.jpg" }).click();
  await waitForStates("done", "done", "done");
});

test("a zip of all pictures, each under a name of its own", async () => {
  const { page } = browser;
  const [event] = await Promise.all([page.waitForEvent("download"), page.click("#zip")]);
  assert.equal(event.suggestedFilename(), "nijigen.zip");
  const files = readZip(await readFile(await event.path()));
  assert.deepEqual([...files.keys()], ["plain-anime.png", "plain-anime (2).png", "gray-anime.png"]);
  const sizes = [...files.values()].map((bytes) => {
    const { width, height } = PNG.sync.read(bytes);
    return [width, height];
  });
  assert.deepEqual(sizes, [[96, 96], [150, 100], [150, 100]]);
});

test("where the browser can, the zip is written straight into a file", async () => {
  const { page } = browser;
  const size = await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const handle = await root.getFileHandle("picked.zip", { create: true });
    Object.assign(window, { showSaveFilePicker: async () => handle });
    const button = /** @type {HTMLButtonElement} */ (document.querySelector("#zip"));
    button.click();
    while (button.disabled) await new Promise((resolve) => setTimeout(resolve, 50));
    Reflect.deleteProperty(window, "showSaveFilePicker");
    return (await handle.getFile()).size;
  });
  assert.ok(size > 10_000, `${size} bytes`);
});

test("other settings are for the photo at hand, or for all", async () => {
  const { page } = browser;
  await row(1).locator(".open").click();
  await page.selectOption("#size", "512");
  await outcome(page);
  assert.ok(await page.isVisible("#redo"));
  await page.click("#redo");
  await waitForStates("done", "done", "done");
  await page.waitForSelector("#redo", { state: "hidden" });
});

test("the list is there again at the next visit, with its pictures", async () => {
  const { page } = browser;
  await page.setInputFiles("#file", ASTRONAUT);
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.startsWith("Drawing"));
  await page.reload();
  await page.waitForSelector("#queue li:nth-child(4)");
  await outcome(page);
  assert.match(await page.innerText("#status"), /96 × 96/);
  assert.deepEqual((await states()).slice(0, 3), ["done", "done", "done"]);
  const { png } = await download(page);
  assert.equal(png.width, 96);
  // What was under way is drawn now.
  await waitForStates("done", "done", "done", "done");
});

/** In the page: how many jobs are in the storage, once it has done all that was asked of it. @returns {Promise<number>} */
function countSaved() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("nijigen-queue");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const counting = opening.result.transaction("jobs").objectStore("jobs").count();
      counting.onerror = () => reject(counting.error);
      counting.onsuccess = () => {
        opening.result.close();
        resolve(counting.result);
      };
    };
  });
}

test("clearing empties the list for good", async () => {
  const { page } = browser;
  await page.click("#clear");
  assert.ok(!(await page.isVisible("#work")));
  assert.equal(await page.evaluate(() => document.activeElement?.id), "file");
  // A reload cuts off what the storage has not done yet, such as keeping the last picture.
  assert.equal(await page.evaluate(countSaved), 0);
  await page.reload();
  await page.waitForSelector("#styles label");
  await page.waitForTimeout(500);
  assert.ok(!(await page.isVisible("#work")));
});

test("a whole folder, chosen: its pictures, in their folders", async () => {
  const { page } = browser;
  await page.setInputFiles("#folder", join(folder, "holiday"));
  await waitForStates("done", "done");
  const titles = await page.$$eval("#queue .open", (buttons) => buttons.map((button) => button.getAttribute("title")));
  assert.deepEqual(titles.sort(), ["holiday/beach/two.jpg", "holiday/one.png"]);
  const [event] = await Promise.all([page.waitForEvent("download"), page.click("#zip")]);
  const names = [...readZip(await readFile(await event.path())).keys()].sort();
  assert.deepEqual(names, ["holiday/beach/two-anime.png", "holiday/one-anime.png"]);
  await page.click("#clear");
});

test("files of a zip have names that every file system takes, and that differ in all of them", async () => {
  const { page } = browser;
  const photos = ["Straße.png", "STRASSE.png", "caf\u00e9.png", "cafe\u0301.png", "😀".repeat(80) + ".png", 'a<b>:"c|?*.png'];
  const buffer = await readFile(photo("plain.png"));
  await page.evaluate(async ({ names, base64 }) => {
    const transfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    for (const name of names) transfer.items.add(new File([bytes], name, { type: "image/png" }));
    document.querySelector("main")?.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
  }, { names: photos, base64: buffer.toString("base64") });
  await waitForStates(...photos.map(() => "done"));
  const [event] = await Promise.all([page.waitForEvent("download"), page.click("#zip")]);
  const names = [...readZip(await readFile(await event.path())).keys()];
  assert.deepEqual(names, [
    "Straße-anime.png",
    "STRASSE-anime (2).png",
    "caf\u00e9-anime.png",
    "caf\u00e9-anime (2).png",
    "😀".repeat(47) + "-anime.png",
    "a_b___c___-anime.png",
  ]);
  await page.click("#clear");
});

test("several dropped at once; something else than a photo is refused in words", async () => {
  const { page } = browser;
  await drop(page, [photo("plain.png"), photo("gray.jpg")]);
  await waitForStates("done", "done");
  await drop(page, []);
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.innerText("#error"), /not a photo/);
});

test("the console stays clean", () => assert.deepEqual(browser.complaints, []));
