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
  const small = own.filter((/** @type {Entry} */ { variant }) => variant === "compact" || variant === "tiny");
  for (const wanted of ["portrait", "segmentation"]) {
    const forFaces = [...own, ...styles].find((/** @type {Entry} */ { family, variant }) => {
      return variant === wanted && [styles[0].family, wanted].includes(family);
    });
    if (forFaces) small.push(forFaces);
  }
  for (const { name, file } of small) {
    for (const part of [file, `${name}.md`]) await cp(join(dist, "styles", part), join(out, "styles", part));
  }
  await writeFile(join(out, "styles/manifest.json"), JSON.stringify({ version, styles: small }, null, 2));
  await writeFile(join(out, "nijigen/page/bundled_files.js"), await bundledFiles(out, small));

  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(ROOT, "npm/tsconfig.json"), "--outDir", out], { stdio: "inherit" });
  await appendFile(join(out, "nijigen/define.d.ts"), TAG_NAMES);
  // For tools that do not read "exports": Parcel, and TypeScript as it resolved modules for Node 10.
  for (const entry of ["define", "element", "any_worker"]) {
    for (const end of ["js", "d.ts"]) await writeFile(join(out, `${entry}.${end}`), `export * from "./nijigen/${entry}.js";\n`);
  }

  const about = JSON.parse(await readFile(join(ROOT, "npm/package.json"), "utf8"));
  const cargo = await readFile(join(ROOT, "Cargo.toml"), "utf8");
  about.version = /^version = "(.*)"$/m.exec(cargo)?.[1] ?? about.version;
  await writeFile(join(out, "package.json"), `${JSON.stringify(about, null, 2)}\n`);
  for (const file of ["npm/README.md", "npm/cli.mjs", "LICENSE-MIT", "LICENSE-APACHE"]) {
    await cp(join(ROOT, file), join(out, file.replace("npm/", "")));
  }
}

/**
 * The script that takes the place of `www/nijigen/page/bundled_files.js`.
 * @param {string} out the package's folder
 * @param {{file: string}[]} styles
 */
async function bundledFiles(out, styles) {
  /** @param {string} path from the script @param {object} about */
  const file = (path, about) => `{ url: () => new URL(${JSON.stringify(path)}, import.meta.url), ...${JSON.stringify(about)} }`;
  /** @param {"wasm" | "faces"} folder */
  const list = async (folder) => {
    const { files } = JSON.parse(await readFile(join(out, "nijigen", folder, "manifest.json"), "utf8"));
    const lines = Object.entries(files).map(([name, about]) => `    ${JSON.stringify(name)}: ${file(`../${folder}/${name}`, about)},`);
    return `{\n${lines.join("\n")}\n  }`;
  };
  return `/** The package's files, each address spelt out, so that bundlers find and keep them. */

export const bundledFiles = {
  modules: ${await list("wasm")},
  faces: ${await list("faces")},
  styles: [
${styles.map((entry) => `    ${file(`../../styles/${entry.file}`, entry)},`).join("\n")}
  ],
};
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const out = process.argv[2];
  if (!out) {
    console.error("usage: node npm/assemble.mjs OUT");
    process.exit(2);
  }
  await assemblePackage(out);
}
