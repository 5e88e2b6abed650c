/** The rooms of the package: what runs on which thread, and who may import whom. No browser needed. */

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { ROOT } from "./browser.mjs";

const WWW = join(ROOT, "www");
/** The package's own page uses what a host can; the bench looks inside. */
const INSIDERS = ["app/bench_worker.js"];

/** Rooms and what their files may import besides each other, by a path's beginning. @type {Record<string, string[]>} */
const MAY_IMPORT = {
  "nijigen/shared/": [],
  // What tools/dist.mjs puts into nijigen/wasm/ and nijigen/faces/.
  "nijigen/engine_worker/": ["nijigen/shared/", "nijigen/wasm/"],
  "nijigen/face_worker/": ["nijigen/shared/", "nijigen/faces/"],
  "nijigen/page/": ["nijigen/shared/"],
  "nijigen/element/": ["nijigen/index.js", "nijigen/page/", "nijigen/shared/"],
  "nijigen/index.js": ["nijigen/page/", "nijigen/shared/"],
  "nijigen/element.js": ["nijigen/element/"],
  "nijigen/define.js": ["nijigen/element.js"],
  "nijigen/any_worker.js": ["nijigen/engine_worker/", "nijigen/face_worker/"],
  "app/": ["nijigen/index.js"],
};

/** What a script imports, and whose types it names, as paths in `www`. @param {string} path @param {string} script */
function imports(path, script) {
  const named = /(?:\bfrom |\bimport |\bimport\()"(\.[^"]+)"/g;
  const examples = /^ \* {5}.*$/gm;
  return [...script.replace(examples, "").matchAll(named)].map(([, address]) => relative(WWW, join(WWW, dirname(path), address)));
}

test("imports keep to the rooms", async () => {
  const found = await readdir(WWW, { recursive: true });
  const scripts = found.filter((path) => /^(app|nijigen)\/.*\.js$/.test(path) && !INSIDERS.includes(path));
  const used = new Set();
  for (const path of scripts) {
    const room = Object.keys(MAY_IMPORT).find((room) => path.startsWith(room));
    assert.ok(room, `${path} is in no room`);
    for (const other of imports(path, await readFile(join(WWW, path), "utf8"))) {
      const allowed = [room, ...MAY_IMPORT[room]].find((beginning) => other.startsWith(beginning));
      assert.ok(allowed, `${path} imports ${other}`);
      used.add(`${room} ${allowed}`);
    }
  }
  for (const [room, others] of Object.entries(MAY_IMPORT)) {
    for (const other of others) assert.ok(used.has(`${room} ${other}`), `nothing in ${room} imports ${other}: forbid it`);
  }
});
