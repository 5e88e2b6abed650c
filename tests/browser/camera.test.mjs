/** The camera, by Chromium's device that shows a moving pattern. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, openPage, outcome } from "./browser.mjs";
import { freshBrowser } from "./fresh_browser.mjs";

const FLAGS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

const browser = freshBrowser({ flags: FLAGS }, openPage);

test("what the camera sees is drawn live, and drawn as a photo by a click", async () => {
  const { page } = browser;
  await page.selectOption("#size", "512");
  await page.click("#camera-open");
  await page.waitForSelector("#camera-picture[data-live]");
  const live = () =>
    page.$eval("#camera-picture", (canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
  const first = await live();
  await page.waitForFunction(
    (first) => /** @type {HTMLCanvasElement} */ (document.querySelector("#camera-picture")).toDataURL() !== first,
    first,
  );
  const side = await page.$eval("#camera-picture", (canvas) => /** @type {HTMLCanvasElement} */ (canvas).width);
  assert.ok(side <= 256, `the live preview is ${side} px wide`);
  assert.ok(browser.requests.some((url) => url.endsWith("sky-tiny.safetensors")), "it is drawn by the tiny network");
  await page.click("#camera-take");
  await page.waitForSelector("#camera", { state: "hidden" });
  const ended = await outcome(page);
  assert.match("status" in ended ? ended.status : ended.error, /\d+ × \d+ in .* on the CPU/);
  assert.match(await page.innerText("#queue .name"), /^camera-.*\.jpg$/);
  const isOn = await page.$eval("#camera-video", (video) => /** @type {HTMLVideoElement} */ (video).srcObject !== null);
  assert.ok(!isOn, "the camera is switched off");
});

test("the queue waits while the camera is open, and goes on when it is closed", async () => {
  const { page } = browser;
  const states = () => page.$$eval("#queue li", (rows) => rows.map((row) => /** @type {HTMLElement} */ (row).dataset.state));
  const [done] = await states();
  await page.setInputFiles("#file", Array.from({ length: 3 }, () => join(ROOT, "www/samples/coffee.jpg")));
  await page.waitForSelector("#queue li[data-state=running]");
  await page.click("#camera-open");
  await page.waitForSelector("#camera-picture[data-live]");
  assert.deepEqual(await states(), [done, "waiting", "waiting", "waiting"]);
  assert.match(await page.innerText("#camera-paused"), /wait until you close the camera/);
  assert.match(await page.innerText("#queue li:nth-child(2)"), /Paused/);
  assert.match(await page.innerText("#status"), /Waiting until the camera is closed/);
  await page.click("#camera-close");
  await page.waitForSelector("#queue li[data-state=running]");
  assert.equal((await states())[1], "running", "what was under way is the first to go on");
  await page.click("#clear");
});

test("a face before the camera is drawn as one", async () => {
  const { page } = browser;
  await page.evaluate(async () => {
    const photo = await createImageBitmap(await (await fetch("/samples/astronaut.jpg")).blob());
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [photo.width, photo.height];
    const paint = () => canvas.getContext("2d")?.drawImage(photo, 0, 0);
    // A canvas that does not change sends no frames.
    setInterval(paint, 50);
    paint();
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream();
  });
  await page.click("#camera-open");
  await page.waitForSelector('#camera-picture[data-faces="1"]');
  await page.click("#camera-close");
});

test("a camera that may not be used is said in words", async () => {
  const { page } = browser;
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = async () => {
      throw new DOMException("no", "NotAllowedError");
    };
  });
  await page.click("#camera-open");
  await page.waitForFunction(() => document.querySelector("#camera-status")?.textContent?.includes("may not be used"));
  assert.ok(await page.isDisabled("#camera-take"));
  await page.keyboard.press("Escape");
  assert.ok(!(await page.isVisible("#camera")));
  assert.equal(await page.evaluate(() => document.activeElement?.id), "camera-open");
});

test("the console stays clean", () => assert.deepEqual(browser.complaints, []));
