/** The page under other hands than the mouse's: keyboard, clipboard, second thoughts, small screens. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";
import { ROOT, convert, download, openBrowser, openPage, outcome, photo } from "./browser.mjs";

const COFFEE = join(ROOT, "www/samples/coffee.jpg");

/** @type {import("./browser.mjs").Browser} */
let browser;
before(async () => {
  browser = await openBrowser();
  // A share sheet is the system's: this one notes what it is given.
  await browser.page.addInitScript(() => {
    navigator.canShare = () => true;
    navigator.share = async ({ files = [] } = {}) => void Object.assign(window, { shared: files });
  });
  await openPage(browser);
});
after(() => browser.close());

test("everything can be reached and used by keyboard", async () => {
  const { page } = browser;
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
  /** @type {string[]} */
  const reached = [];
  for (let i = 0; i < 24; i++) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => {
      const { activeElement } = document;
      return activeElement?.id || activeElement?.closest("[id]")?.id || "";
    });
    if (!reached.includes(name)) reached.push(name);
  }
  const expected = [
    "languages", "file", "folder", "camera-open", "paste", "samples", "demo",
    "styles", "strength", "faces", "size", "format", "device", "side-by-side", "benchmark",
  ];
  assert.deepEqual(expected.filter((id) => !reached.includes(id)), [], `Tab reached ${reached}`);
  await page.focus("#samples button:nth-child(4)");
  await page.keyboard.press("Enter");
  const ended = await outcome(page);
  assert.match("status" in ended ? ended.status : ended.error, /451 × 300/);
  assert.equal(await page.getAttribute("#status", "role"), "status");
  assert.equal(await page.getAttribute("#error", "role"), "alert");
});

test("the line between photo and picture moves by keyboard, mouse and finger", async () => {
  const { page } = browser;
  const split = () => page.$eval("#compare", (element) => parseFloat(element.style.getPropertyValue("--split")));
  await page.focus("#split");
  assert.equal(await split(), 50);
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowLeft");
  assert.equal(await split(), 47);
  assert.equal(await page.getAttribute("#split", "aria-valuetext"), "47 % photo");
  await page.keyboard.press("Home");
  assert.equal(await split(), 0);

  await page.locator("#compare").evaluate((compare) => compare.scrollIntoView());
  const box = await page.locator("#compare").boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 60);
  await page.mouse.up();
  assert.ok(Math.abs((await split()) - 75) <= 1, `${await split()}`);

  const session = await browser.context.newCDPSession(page);
  /** @param {string} type @param {number} [share] of the width */
  const touch = (type, share) =>
    session.send("Input.dispatchTouchEvent", /** @type {any} */ ({
      type,
      touchPoints: share === undefined ? [] : [{ x: box.x + box.width * share, y: box.y + 80 }],
    }));
  await touch("touchStart", 0.6);
  for (const share of [0.5, 0.4, 0.3, 0.25]) await touch("touchMove", share);
  await touch("touchEnd");
  assert.ok(Math.abs((await split()) - 25) <= 1, `${await split()}`);
});

test("a half-transparent photo keeps its alpha at every strength, shown and saved", async () => {
  const { page } = browser;
  const png = new PNG({ width: 96, height: 96 });
  for (let i = 0; i < png.data.length; i += 4) png.data.set([200, 120, 60, i % 384 < 192 ? 128 : 255], i);
  await page.setInputFiles("#file", { name: "half.png", mimeType: "image/png", buffer: PNG.sync.write(png) });
  assert.ok("status" in (await outcome(page)));
  for (const strength of ["50", "30", "0"]) {
    await page.fill("#strength", strength);
    const shown = await page.$eval("#picture", (canvas) => {
      const context = /** @type {HTMLCanvasElement} */ (canvas).getContext("2d");
      return [20, 70].map((x) => context?.getImageData(x, 40, 1, 1).data[3] ?? 0);
    });
    assert.ok(Math.abs(shown[0] - 128) <= 1 && shown[1] >= 254, `${shown} at strength ${strength}`);
    const saved = await download(page);
    const differs = saved.png.data.findIndex((value, i) => i % 4 === 3 && value !== png.data[i]);
    assert.equal(differs, -1, `alpha is ${saved.png.data[differs]} at strength ${strength}`);
  }
  await page.fill("#strength", "100");
});

test("strength is mixed on the page, at once and in the file, without another conversion", async () => {
  const { page } = browser;
  await convert(page, photo("plain.png"));
  const whole = await download(page);
  await page.evaluate(() => {
    const seen = { changes: 0 };
    Object.assign(window, { seen });
    new MutationObserver(() => seen.changes++).observe(
      /** @type {Node} */ (document.querySelector("#status")), { childList: true },
    );
  });
  const pixel = () =>
    page.$eval("#picture", (canvas) => {
      const context = /** @type {HTMLCanvasElement} */ (canvas).getContext("2d");
      return [...(context?.getImageData(40, 40, 1, 1).data ?? [])];
    });
  await page.focus("#strength");
  await page.keyboard.press("Home");
  assert.equal(await page.innerText("#strength-value"), "0 %");
  const at = 4 * (40 * 96 + 40);
  const original = PNG.sync.read(readFileSync(photo("plain.png")));
  assert.deepEqual(await pixel(), [...original.data.subarray(at, at + 4)]);
  const none = await download(page);
  const difference = none.png.data.reduce((sum, value, i) => sum + Math.abs(value - original.data[i]), 0);
  assert.equal(difference, 0, "at no strength, the file is the photo");

  await page.focus("#strength");
  for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowRight");
  const half = await download(page);
  for (let i = 0; i < whole.png.data.length; i += 37) {
    const expected = (whole.png.data[i] + original.data[i]) / 2;
    assert.ok(Math.abs(half.png.data[i] - expected) <= 1.5, `${half.png.data[i]}, expected ${expected}`);
  }
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).seen.changes), 0, "it was drawn again");
  await page.focus("#strength");
  await page.keyboard.press("End");
});

test("files: PNG, JPEG and WebP, in the quality that is chosen, and beside the photo", async () => {
  const { page } = browser;
  /** @returns {Promise<{name: string, bytes: Buffer}>} */
  const save = async () => {
    const [event] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    return { name: event.suggestedFilename(), bytes: await readFile(await event.path()) };
  };
  await page.check("#side-by-side");
  const pair = await download(page);
  assert.deepEqual([pair.png.width, pair.png.height], [192, 96]);
  const original = PNG.sync.read(readFileSync(photo("plain.png")));
  assert.deepEqual([...pair.png.data.subarray(0, 4 * 96)], [...original.data.subarray(0, 4 * 96)]);
  await page.uncheck("#side-by-side");

  assert.ok(!(await page.isVisible("#quality")));
  await page.selectOption("#format", "jpeg");
  const fine = await save();
  assert.equal(fine.name, "plain-anime.jpg");
  assert.deepEqual([...fine.bytes.subarray(0, 3)], [0xff, 0xd8, 0xff]);
  await page.fill("#quality", "40");
  const coarse = await save();
  assert.ok(coarse.bytes.length < fine.bytes.length, `${coarse.bytes.length} and ${fine.bytes.length} bytes`);
  await page.selectOption("#format", "webp");
  const webp = await save();
  assert.equal(webp.name, "plain-anime.webp");
  assert.equal(webp.bytes.subarray(8, 12).toString(), "WEBP");
  await page.selectOption("#format", "png");
});

test("the picture is shared as a file", async () => {
  const { page } = browser;
  await page.click("#share");
  await page.waitForFunction(() => "shared" in window);
  const shared = await page.evaluate(() => /** @type {any} */ (window).shared.map((/** @type {File} */ { name, type }) => [name, type]));
  assert.deepEqual(shared, [["plain-anime.png", "image/png"]]);
});

test("metadata is dropped and the orientation kept", async () => {
  const { page } = browser;
  assert.ok(readFileSync(photo("exif-rotated.jpg")).includes("Exif"));
  await convert(page, photo("exif-rotated.jpg"));
  await page.selectOption("#format", "jpeg");
  const [event] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  const bytes = await readFile(await event.path());
  assert.ok(!bytes.includes("Exif"));
  await page.selectOption("#format", "png");
  const { png } = await download(page);
  assert.deepEqual([png.width, png.height], [60, 100]);
});

test("a photo can be pasted, and the picture copied", async () => {
  const { page, context } = browser;
  const base64 = readFileSync(photo("plain.png")).toString("base64");
  await page.evaluate((base64) => {
    const clipboardData = new DataTransfer();
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    clipboardData.items.add(new File([bytes], "image.png", { type: "image/png" }));
    dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
  }, base64);
  const ended = await outcome(page);
  assert.match("status" in ended ? ended.status : ended.error, /96 × 96/);

  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(browser.url).origin });
  await page.click("#copy");
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.includes("Copied."));
  await page.click("#paste");
  await page.waitForFunction(() => {
    const last = [...document.querySelectorAll("#queue li .name")].at(-1);
    return last?.textContent === "clipboard.png";
  });
  const pasted = await outcome(page);
  assert.match("status" in pasted ? pasted.status : pasted.error, /96 × 96/);
});

test("a conversion can be cancelled, and the next photo works", async () => {
  const { page } = browser;
  await page.setInputFiles("#file", join(ROOT, "www/samples/astronaut.jpg"));
  await page.waitForFunction(() => document.querySelector("#status")?.textContent?.startsWith("Drawing"));
  assert.ok(!(await page.isVisible("#download")), "there is nothing to download yet");
  await page.click("#cancel");
  assert.equal(await page.innerText("#status"), "Cancelled.");
  assert.ok(!(await page.isVisible("#progress")) && !(await page.isVisible("#cancel")));
  const ended = await convert(page, photo("plain.png"));
  assert.match("status" in ended ? ended.status : ended.error, /96 × 96/);
});

test("another size is applied to the photo at hand, after a preview", async () => {
  const { page } = browser;
  await page.evaluate(() => {
    /** @type {string[]} */
    const captions = [];
    Object.assign(window, { captions });
    new MutationObserver((records) => {
      for (const { target } of records) captions.push(target.textContent ?? "");
    }).observe(/** @type {Node} */ (document.querySelector("#picture-caption")), { childList: true });
  });
  await convert(page, COFFEE);
  assert.ok((await page.evaluate(() => /** @type {any} */ (window).captions)).includes("Preview"));
  await page.selectOption("#size", "512");
  const ended = await outcome(page);
  assert.match("status" in ended ? ended.status : ended.error, /512 × 341/);
});

test("without WebGPU, automatic means the CPU, and the page says why", async () => {
  const { page } = browser;
  await page.selectOption("#device", "auto");
  const automatic = await convert(page, photo("plain.png"));
  assert.match("status" in automatic ? automatic.status : automatic.error, /on the CPU.*WebGPU was not used: /);
  await page.selectOption("#device", "webgpu");
  const asked = await outcome(page);
  assert.match("error" in asked ? asked.error : "", /WebGPU.*choose another engine/);
  await page.selectOption("#device", "cpu");
  const cpu = await outcome(page);
  assert.match("status" in cpu ? cpu.status : cpu.error, /96 × 96 .* on the CPU/);
});

test("the engines are compared, and the faster one is remembered", async () => {
  const { page } = browser;
  await page.selectOption("#device", "auto");
  await outcome(page);
  await page.click("#benchmark summary");
  await page.click("#benchmark-start");
  await page.waitForFunction(() => document.querySelector("#benchmark-result")?.childElementCount === 3);
  const words = await page.innerText("#benchmark-result");
  assert.match(words, /CPU: \d+ ms for 384 × 384 pixels[^]*GPU \(WebGPU\): .*WebGPU[^]*CPU is the faster one/);
  assert.equal(await page.inputValue("#device"), "auto");
  assert.match(await page.evaluate(() => localStorage.getItem("nijigen.faster") ?? ""), /^cpu .* no GPU$/);
  const ended = await outcome(page);
  assert.match("status" in ended ? ended.status : ended.error, /on the CPU/);
});

test("languages are switched at once, and remembered", async () => {
  const { page } = browser;
  await outcome(page);
  assert.equal(await page.getAttribute("html", "lang"), "en");
  await page.click("#languages [value=zh]");
  await page.waitForFunction(() => document.documentElement.lang === "zh-Hans");
  assert.equal(await page.innerText("#download"), "下载");
  assert.match(await page.innerText("#status"), /96 × 96，用 CPU 和.+网络画了 .* 秒。没有任何数据离开这台设备。/);
  assert.match(await page.innerText("#queue-count"), /已完成/);
  assert.equal(await page.getAttribute("#split", "aria-label"), "照片与画的分界");
  await convert(page, photo("text.jpg"));
  const said = await page.innerText("#error");
  assert.doesNotMatch(said, /[a-z]/i, "an error is told in two languages");
  await page.click("#error summary");
  assert.match(await page.innerText("#error [lang=en]"), /not a picture/);
  await page.reload();
  await page.waitForSelector("#styles label");
  assert.equal(await page.innerText(".hero .marked"), "重新画成");
  await page.click("#languages [value=en]");
  await page.waitForFunction(() => document.documentElement.lang === "en");
  assert.equal(await page.innerText(".hero .marked"), "redrawn");
});

test("the page fits narrow, wide and very wide screens", async () => {
  const { page } = browser;
  for (const [width, height] of [[360, 740], [768, 1000], [3840, 2160]]) {
    await page.setViewportSize({ width, height });
    const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(excess <= 0, `at ${width} px the page is ${excess} px too wide`);
  }
});

test("the console stays clean", () => assert.deepEqual(browser.complaints, []));

test("the server takes the next port if one is taken", async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (squatter.address());
  const server = spawn(process.execPath, ["www/server.mjs", "www", "--port", String(port)], { cwd: ROOT });
  try {
    let said = "";
    for await (const chunk of server.stdout) {
      said += chunk;
      if (said.includes("http://")) break;
    }
    assert.match(said, new RegExp(`Port ${port} is taken`));
    assert.match(said, /http:\/\/localhost:\d+\//);
  } finally {
    server.kill();
    squatter.close();
  }
});
