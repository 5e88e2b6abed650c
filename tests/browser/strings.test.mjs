/** What the page says: the same in every language but for the words. No browser is needed. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { strings as english } from "../../www/app/strings.en.js";
import { strings as chinese } from "../../www/app/strings.zh.js";
import { ROOT } from "./browser.mjs";

const APP = join(ROOT, "www/app");
const HTML = ["index.html", "selftest.html"].map((name) => readFileSync(join(ROOT, "www", name), "utf8")).join("\n");

/** @param {string} words */
const placeholders = (words) => [...words.matchAll(/\{\w+\}/g)].map(String).sort();

test("both languages have the same keys and placeholders", () => {
  assert.deepEqual(Object.keys(chinese), Object.keys(english));
  for (const [key, words] of Object.entries(english)) {
    const translated = /** @type {Record<string, string>} */ (chinese)[key];
    assert.ok(words && translated, `${key} is empty`);
    assert.deepEqual(placeholders(translated), placeholders(words), key);
  }
});

test("nothing is left in English", () => {
  const same = Object.entries(english).filter(([key, words]) => words === /** @type {any} */ (chinese)[key]);
  assert.deepEqual(same.map(([key]) => key), ["engine.cpu"]);
});

test("the pages say what the English strings say", () => {
  const texts = [...HTML.matchAll(/data-string="([^"]+)"[^>]*>([^<]*)</g)].map(([, key, words]) => ({ key, words }));
  const labels = [...HTML.matchAll(/<[^>]*(?:aria-label|alt)="([^"]*)"[^>]*data-string-(?:label|alt)="([^"]+)"/g)];
  const said = [...texts, ...labels.map(([, words, key]) => ({ key, words }))];
  assert.ok(said.length > 50, `${said.length} texts`);
  for (const { key, words } of said) assert.equal(words, /** @type {any} */ (english)[key], key);
});

test("every string is used, and no other is asked for", () => {
  const sources = readdirSync(APP)
    .filter((name) => name.endsWith(".js") && !name.startsWith("strings."))
    .map((name) => readFileSync(join(APP, name), "utf8"));
  const everything = [HTML, ...sources].join("\n");
  const asked = new Set([...everything.matchAll(/(?:\btext\(|data-string(?:-\w+)?=)"([^"]+)"/g)].map(([, key]) => key));
  for (const key of asked) assert.ok(key in english, `there is no string ${key}`);
  // Some keys are made of two parts.
  const parts = new Set([...everything.matchAll(/`(\w+)\.\$\{/g)].map(([, part]) => part));
  const quoted = (/** @type {string} */ key) => everything.includes(`"${key}"`);
  const unused = Object.keys(english).filter((key) => {
    const [part] = key.split(".");
    return !asked.has(key) && !quoted(key) && !parts.has(part) && !quoted(key.replace(/\.(one|other)$/, ""));
  });
  assert.deepEqual(unused, []);
});
