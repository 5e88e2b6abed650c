/** Copies that are compressed ahead, and the server that sends them. No browser is needed. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { serve } from "../../www/server.mjs";
import { ROOT } from "./browser.mjs";

test("files that shrink get copies, and each browser the one that it accepts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nijigen-compress-"));
  await mkdir(join(folder, "deep"));
  const script = "export const answer = 42;\n".repeat(100);
  await writeFile(join(folder, "deep/a.js"), script);
  await writeFile(join(folder, "photo.png"), "no text");
  execFileSync(process.execPath, [join(ROOT, "www/compress.mjs"), folder]);
  assert.deepEqual((await readdir(join(folder, "deep"))).sort(), ["a.js", "a.js.br", "a.js.gz"]);
  assert.deepEqual((await readdir(folder)).sort(), ["deep", "photo.png"]);
  const { url, close } = await serve(folder, 0);
  try {
    for (const [accepted, sent] of [["br", "br"], ["gzip", "gzip"], ["identity", null]]) {
      const response = await fetch(`${url}deep/a.js`, { headers: { "Accept-Encoding": accepted ?? "" } });
      assert.equal(response.headers.get("content-encoding"), sent);
      assert.match(response.headers.get("content-type") ?? "", /javascript/);
      assert.equal(await response.text(), script);
    }
  } finally {
    close();
    await rm(folder, { recursive: true, force: true });
  }
});
