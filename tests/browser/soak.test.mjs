/** A short form of soak.mjs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "./soak.mjs";

test("photos of all kinds, killed workers, full storage and a reload: each ends done or in its own words", {
  timeout: 300_000,
}, async (t) => {
  const { done, failed, ended, wrong, kills, restored, complaints } = await soak(25, (words) => t.diagnostic(words));
  assert.deepEqual(wrong, []);
  assert.deepEqual([ended, done + failed], [25, 25]);
  assert.ok(kills >= 1 && failed >= 2, `${kills} workers were killed, ${failed} photos failed`);
  assert.ok(restored >= 4, `${restored} pictures came back after the reload`);
  assert.deepEqual(complaints, []);
});
