/** The page under other hands than the mouse's: keyboard, clipboard, second thoughts, small screens. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, convert, openBrowser, openPage, outcome, photo } from "./browser.mjs";

/** @type {import("./browser.mjs").Browser} */
let browser;
before(async () => {
  browser = await openBrowser();
  await openPage(browser);
});
after(() => browser.close());

test("everything can be reached and used by keyboard", async () => {
  const { page } = browser;
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
  /** @type {string[]} */
  const reached = [];
  for (let i = 0; i < 10; i++) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => {
      const { activeElement } = document;
      return activeElement?.id || activeElement?.closest("[id]")?.id || "";
    });
    if (!reached.includes(name)) reached.push(name);
  }
  for (const id of ["file", "samples", "faces", "size", "device"]) {
    assert.ok(reached.includes(id), `Tab reached ${reached}, not ${id}`);
  }
  await page.focus("#samples button:nth-child(3)");
  await page.keyboard.press("Enter");
  const ended = await outcome(page);
  assert.match("status" in ended ? ended.status : ended.error, /451 × 300/);
  assert.equal(await page.getAttribute("#status", "role"), "status");
  assert.equal(await page.getAttribute("#error", "role"), "alert");
});

test("a photo can be pasted", async () => {
  const { page } = browser;
  const base64 = readFileSync(photo("plain.png")).toString("base64");
  await page.evaluate((base64) => {
    const clipboardData = new DataTransfer();
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    clipboardData.items.add(new File([bytes], "image.png", { type: "image/png" }));
    dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
  }, base64);
  const ended = await outcome(page);
  assert.match("status" in ended ? ended.status : ended.error, /96 × 96/);
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

test("another size is applied to the photo at hand", async () => {
  const { page } = browser;
  await convert(page, join(ROOT, "www/samples/coffee.jpg"));
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

test("the page fits a narrow screen", async () => {
  const { page } = browser;
  await page.setViewportSize({ width: 360, height: 740 });
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(excess <= 0, `the page is ${excess} px too wide`);
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
