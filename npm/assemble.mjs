/**
 * Makes the npm package out of the built page: node npm/assemble.mjs OUT
 *
 * All of `nijigen/`, declarations of its types, and the smaller networks of the default look with that for faces. Other styles are
 * for a host's own choice: they are files in a folder, see docs/embedding.md.
 */

import { execFileSync } from "node:child_process";
import { appendFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What TypeScript cannot read from JSDoc. */
const TAG_NAMES = `
declare global {
  interface HTMLElementTagNameMap {
    "nijigen-photo": NijigenPhoto;
  }
}
`;

/** @typedef {{family: string, variant: string}} Entry of the manifest */

/**
 * @param {string} out folder to make; what was in it is lost
 * @param {string} [dist] the built page
 */
export async function assemblePackage(out, dist = join(ROOT, "target/dist")) {
  await rm(out, { recursive: true, force: true });
  await mkdir(join(out, "styles"), { recursive: true });
  await cp(join(dist, "nijigen"), join(out, "nijigen"), { recursive: true });
  const { version, styles } = JSON.parse(await readFile(join(dist, "styles/manifest.json"), "utf8"));
  const own = styles.filter((/** @type {Entry} */ { family }) => family === styles[0].family);
  const portrait = [...own, ...styles].find((/** @type {Entry} */ { family, variant }) => {
    return variant === "portrait" && [styles[0].family, "portrait"].includes(family);
  });
  const small = own.filter((/** @type {Entry} */ { variant }) => variant === "compact" || variant === "tiny");
  if (portrait) small.push(portrait);
  for (const { name, file } of small) {
    for (const part of [file, `${name}.md`]) await cp(join(dist, "styles", part), join(out, "styles", part));
  }
  await writeFile(join(out, "styles/manifest.json"), JSON.stringify({ version, styles: small }, null, 2));

  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(ROOT, "npm/tsconfig.json"), "--outDir", out], { stdio: "inherit" });
  await appendFile(join(out, "nijigen/define.d.ts"), TAG_NAMES);

  const about = JSON.parse(await readFile(join(ROOT, "npm/package.json"), "utf8"));
  const cargo = await readFile(join(ROOT, "Cargo.toml"), "utf8");
  about.version = /^version = "(.*)"$/m.exec(cargo)?.[1] ?? about.version;
  await writeFile(join(out, "package.json"), `${JSON.stringify(about, null, 2)}\n`);
  for (const file of ["npm/README.md", "LICENSE-MIT", "LICENSE-APACHE"]) {
    await cp(join(ROOT, file), join(out, file.replace("npm/", "")));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const out = process.argv[2];
  if (!out) {
    console.error("usage: node npm/assemble.mjs OUT");
    process.exit(2);
  }
  await assemblePackage(out);
}
