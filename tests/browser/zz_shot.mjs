import { join } from "node:path";
import { ROOT, openBrowser, fixture } from "./browser.mjs";
const browser = await openBrowser();
const { page } = browser;
page.setDefaultTimeout(40000);
const out = (n) => `/tmp/setup/shots/${n}.png`;
try {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(browser.url);
  await page.waitForSelector("#styles label");
  await page.waitForTimeout(500);
  await page.screenshot({ path: out("start-1440"), fullPage: true });
  await page.setViewportSize({ width: 360, height: 740 });
  await page.screenshot({ path: out("start-360"), fullPage: true });
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.selectOption("#device", "cpu");
  await page.setInputFiles("#file", [join(ROOT, "www/samples/astronaut.jpg"), join(ROOT, "www/samples/coffee.jpg"), join(ROOT, "tests/fixtures/photos/text.jpg")]);
  await page.waitForSelector("#download:not([hidden]), #error:not([hidden])");
  await page.screenshot({ path: out("work-1440"), fullPage: true });
  await page.waitForFunction(() => document.querySelectorAll("#queue li[data-state=done]").length === 2);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: out("work-1440-dark"), fullPage: true });
} catch (e) { console.error(e); await page.screenshot({ path: out("fail"), fullPage: true }); }
finally { console.log(browser.complaints); await browser.close(); }
