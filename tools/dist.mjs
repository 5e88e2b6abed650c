/**
 * Assembles the folder that can be copied to any static host:
 *
 *     node tools/dist.mjs [--growing] [--from target/wasm] [--out target/dist] MODULE...
 *
 * With --growing, some of the WebAssembly modules may be missing, which are still being built: the page then looks for them
 * until it is assembled without.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What nijigen/shared/assets.js fetches, and checks by its SHA-256. */
const CHECKED = /\.(wasm|bin|txt)$/;

/** Beside the page in www, but no part of it. */
const PROGRAMS = new Set(["server.mjs", "compress.mjs"]);

/** With its time, so that what has not changed is not fetched again. @param {string} path @param {string} to */
function copy(path, to) {
  return cp(path, to, { recursive: true, preserveTimestamps: true });
}

/** @param {string} folder @returns {Promise<string[]>} paths of its files, with slashes, in order */
async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/")).sort();
}

/** @param {Buffer} bytes */
function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Writes manifest.json: size and SHA-256 of a folder's checked files. @param {string} folder */
async function listFiles(folder) {
  /** @type {Record<string, {bytes: number, sha256: string}>} */
  const files = {};
  for (const path of (await filesIn(folder)).filter((path) => CHECKED.test(path))) {
    const bytes = await readFile(join(folder, path));
    files[path] = { bytes: bytes.length, sha256: sha256(bytes) };
  }
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify({ version: 1, files }, null, 2)}\n`);
}

/**
 * The modules, and one script for both levels of SIMD, see www/nijigen/engine_worker/module_scripts.js.
 * @param {string} from folder with a folder for each that is built
 * @param {string} out
 * @param {string[]} names
 * @param {boolean} isGrowing whether some may be missing
 */
async function addModules(from, out, names, isGrowing) {
  /** By the folder that module_scripts.js names. @type {Map<string, string>} */
  const scripts = new Map();
  for (const name of names) {
    const built = join(from, name);
    if (isGrowing && !existsSync(built)) continue;
    const folder = name.replace("-relaxed", "");
    const script = await readFile(join(built, "nijigen.js"), "utf8");
    const other = scripts.get(folder);
    if (other !== undefined && other !== script) {
      // One of them is of an earlier state of the sources.
      if (isGrowing) continue;
      throw new Error(`the script of ${name} differs from that of ${folder}: name both in module_scripts.js`);
    }
    scripts.set(folder, script);
    await mkdir(join(out, name), { recursive: true });
    await copy(join(built, "nijigen_bg.wasm"), join(out, name, "nijigen_bg.wasm"));
  }
  const [anyScript] = scripts.values();
  if (anyScript === undefined) throw new Error(`none of the modules ${names.join(", ")} is built`);
  for (const name of names.filter((name) => !name.includes("-relaxed"))) {
    await mkdir(join(out, name), { recursive: true });
    // Until a module is there, what imports its script gets another one, which nobody runs: only modules that are listed
    // are chosen.
    await writeFile(join(out, name, "nijigen.js"), scripts.get(name) ?? anyScript);
  }
  await listFiles(out);
}

/**
 * The default detector of faces, which a page loads only where faces are asked for. TensorFlow.js and the models are
 * under the Apache licence.
 * @param {string} out
 */
async function addFaces(out) {
  const human = join(ROOT, "node_modules/@vladmandic/human");
  const backend = join(ROOT, "node_modules/@tensorflow/tfjs-backend-wasm/dist");
  await mkdir(out, { recursive: true });
  await copy(join(human, "LICENSE"), join(out, "LICENSE"));
  await copy(join(ROOT, "LICENSE-APACHE"), join(out, "LICENSE-APACHE"));
  await copy(join(backend, "tfjs-backend-wasm-simd.wasm"), join(out, "tfjs-backend-wasm-simd.wasm"));
  for (const model of ["blazeface", "facemesh"]) {
    await copy(join(human, `models/${model}.bin`), join(out, `${model}.bin`));
    // Not under the name of JSON, which bundlers read and write anew.
    await copy(join(human, `models/${model}.json`), join(out, `${model}.txt`));
  }
  // Without the address of its source map, which is not shipped, and without what it uses in Node, for which bundlers
  // install other packages.
  const script = await readFile(join(human, "dist/human.esm.js"), "utf8");
  const own = script.replace(/^\/\/# sourceMappingURL=.*\n?/gm, "");
  await writeFile(join(out, "human.esm.js"), `var process, Buffer, __filename, require;\n${own}`);
  await listFiles(out);
}

/** Zip files, for the page, which loads it when one is asked for. Under the MIT licence. @param {string} out */
async function addZip(out) {
  const zip = join(ROOT, "node_modules/client-zip");
  await mkdir(out, { recursive: true });
  await copy(join(zip, "index.js"), join(out, "client-zip.js"));
  await copy(join(zip, "LICENSE.txt"), join(out, "client-zip.LICENSE.txt"));
}

/** The list of the files with their SHA-256, by which service_worker.js keeps and verifies them. @param {string} out */
async function writeRelease(out) {
  /** @type {Record<string, string>} */
  const release = {};
  for (const path of await filesIn(out)) {
    if (path !== "service_worker.js") release[path] = sha256(await readFile(join(out, path)));
  }
  const list = JSON.stringify(release, null, 2);
  await writeFile(join(out, "release.js"), `// Written by tools/dist.mjs: SHA-256 of the files of this release.\nself.release = ${list};\n`);
}

/** Has the page look for more, see www/app/offline.js. @param {string} page */
async function markGrowing(page) {
  const html = await readFile(page, "utf8");
  await writeFile(page, html.replace("<html ", "<html data-growing "));
}

/**
 * @param {string[]} names of the modules
 * @param {{from: string, out: string, growing: boolean}} options
 */
async function assemble(names, { from, out, growing }) {
  // Beside the folder, which may be served, and then in its place.
  const made = `${out}.new`;
  await rm(made, { recursive: true, force: true });
  await copy(join(ROOT, "www"), made);
  for (const program of PROGRAMS) await rm(join(made, program));
  await addModules(from, join(made, "nijigen/wasm"), names, growing);
  await addFaces(join(made, "nijigen/faces"));
  await addZip(join(made, "vendor"));
  if (growing) await markGrowing(join(made, "index.html"));
  await writeRelease(made);
  const old = `${out}.old`;
  await rm(old, { recursive: true, force: true });
  if (existsSync(out)) await rename(out, old);
  await rename(made, out);
  await rm(old, { recursive: true, force: true });
}

const { positionals: names, values } = parseArgs({
  allowPositionals: true,
  options: {
    growing: { type: "boolean", default: false },
    from: { type: "string", default: join(ROOT, "target/wasm") },
    out: { type: "string", default: join(ROOT, "target/dist") },
  },
});
if (!names.length) {
  console.error("usage: node tools/dist.mjs [--growing] [--from FOLDER] [--out FOLDER] MODULE...");
  process.exit(2);
}
await assemble(names, values).catch((error) => {
  console.error(`tools/dist.mjs: ${error.message}`);
  process.exit(1);
});
