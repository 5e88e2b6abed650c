#!/usr/bin/env node
/**
 * npx nijigen copy FOLDER: copies the package's files into FOLDER/nijigen, for bundlers that leave them behind and for
 * hosts that serve them by themselves.
 */

import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL(".", import.meta.url));

/** @param {string} folder that a site is served from */
async function copy(folder) {
  const to = join(folder, "nijigen");
  await mkdir(to, { recursive: true });
  for (const part of ["nijigen", "styles", "LICENSE-MIT", "LICENSE-APACHE"]) {
    // Nothing of another release is left.
    await rm(join(to, part), { recursive: true, force: true });
    await cp(join(PACKAGE, part), join(to, part), { recursive: true, filter: (path) => !path.endsWith(".d.ts") });
  }
  console.log(`${to}: found without an option at /nijigen/ of the site, or beside the bundle's script;`);
  console.log('elsewhere, name its address: createStylizer({ assets: "…/nijigen/" })');
}

const [command, folder, ...rest] = process.argv.slice(2);
if (command === "copy" && folder && !rest.length) {
  await copy(folder);
} else {
  console.error("usage: npx nijigen copy FOLDER\n\nFOLDER is the one that your site is served from, such as public or dist.");
  process.exit(2);
}
