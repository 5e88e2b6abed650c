/** A short form of soak.mjs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "./soak.mjs";

test("photos of all kinds, killed workers, full storage and a reload: each ends done or in its own words", {
  timeout: 300_000,
}, async (t) => {
  const { done, failed, ended, wrong, kills, restored, unsaved, complaints } = await soak(50, (words) => t.diagnostic(words));
  assert.deepEqual(wrong, []);
  assert.deepEqual([ended, done + failed], [50, 50]);
  assert.ok(kills >= 2 && failed >= 4, `${kills} workers were killed, ${failed} photos failed`);
  assert.ok(restored >= 10, `${restored} pictures came back after the reload`);
  assert.match(unsaved, /storage that the browser grants this page is full/);
  assert.deepEqual(complaints, []);
});
