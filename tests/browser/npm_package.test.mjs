/** The tarball for npm: what is in it, how large it is, and what TypeScript and Node make of it. No browser needed. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { assemblePackage } from "../../npm/assemble.mjs";
import { ROOT } from "./browser.mjs";

const run = promisify(execFile);

/** What the tarball may weigh, in MB: compressed, and all of its files. */
const MAX_PACKED_MB = 13;
const MAX_FILES_MB = 32;

/** A host's project, into which the package was installed. */
let project = "";
/** What npm says of the tarball. @type {{size: number, unpackedSize: number, filename: string, files: {path: string}[]}} */
let packed;
before(async () => {
  project = await mkdtemp(join(tmpdir(), "nijigen-npm-"));
  const assembled = join(project, "assembled");
  await assemblePackage(assembled);
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", project], { cwd: assembled });
  [packed] = JSON.parse(stdout);
  const installed = join(project, "node_modules/nijigen");
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", join(project, packed.filename), "--strip-components=1", "-C", installed]);
  await writeFile(join(project, "package.json"), '{"type": "module"}');
});
after(() => rm(project, { recursive: true, force: true }));

test("the tarball is complete and small", async () => {
  const paths = packed.files.map(({ path }) => path);
  const { styles } = JSON.parse(await readFile(join(project, "node_modules/nijigen/styles/manifest.json"), "utf8"));
  const engines = ["cpu", "cpu-relaxed", "cpu-threads", "cpu-relaxed-threads", "gpu"];
  for (const path of [
    ...["package.json", "README.md", "LICENSE-MIT", "LICENSE-APACHE", ...styles.map((/** @type {{file: string}} */ { file }) => `styles/${file}`)],
    ...["index", "define", "element", "page/queue"].flatMap((name) => [`nijigen/${name}.js`, `nijigen/${name}.d.ts`]),
    ...["any_worker", "engine_worker/worker", "engine_worker/thread", "face_worker/worker"].map((name) => `nijigen/${name}.js`),
    ...engines.map((name) => `nijigen/wasm/${name}/nijigen_bg.wasm`),
    ...["cpu", "cpu-threads", "gpu"].map((name) => `nijigen/wasm/${name}/nijigen.js`),
    ...["cli.mjs", ...["define", "element", "any_worker"].flatMap((name) => [`${name}.js`, `${name}.d.ts`])],
    ...["nijigen/wasm/manifest.json", "nijigen/faces/manifest.json", "nijigen/faces/human.esm.js", "nijigen/faces/LICENSE"],
  ]) {
    assert.ok(paths.includes(path), `${path} is missing`);
  }
  const strangers = paths.filter((path) => !/^(nijigen|styles)\/|^(package\.json|README\.md|LICENSE-\w+|cli\.mjs|(define|element|any_worker)\.(js|d\.ts))$/.test(path));
  assert.deepEqual(strangers, []);
  const variants = styles.map((/** @type {{variant: string}} */ { variant }) => variant);
  const listed = JSON.parse(await readFile(join(ROOT, "www/styles/manifest.json"), "utf8")).styles;
  const forFaces = ["portrait", "segmentation"].filter((wanted) =>
    listed.some((/** @type {{name: string}} */ { name }) => name === wanted),
  );
  assert.deepEqual(variants.sort(), ["compact", ...forFaces, "tiny"]);
  const [packedMb, filesMb] = [packed.size / 1e6, packed.unpackedSize / 1e6];
  assert.ok(packedMb < MAX_PACKED_MB && filesMb < MAX_FILES_MB, `${packedMb} MB packed, ${filesMb} MB of files`);
});

test("TypeScript knows all of it, under strict", async () => {
  await cp(join(ROOT, "tests/types/usage.ts"), join(project, "usage.ts"));
  const options = ["--strict", "--noUncheckedIndexedAccess", "--noEmit", "--target", "es2022", "--module", "nodenext"];
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const checked = run(process.execPath, [tsc, ...options, "--lib", "es2022,dom,dom.iterable", "usage.ts"], {
    cwd: project,
  });
  await checked.catch(({ stdout }) => assert.fail(stdout));
});

test("Node can import it, as a server does that renders pages", async () => {
  const entries = ["nijigen", "nijigen/define", "nijigen/element", "nijigen/any_worker"];
  const script = `for (const entry of ${JSON.stringify(entries)}) console.log(Object.keys(await import(entry)).length)`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: project });
  assert.equal(stdout, "10\n1\n1\n0\n");
});

test("publint and attw find nothing but that it is an ES module", async () => {
  const bin = join(ROOT, "node_modules/.bin");
  const checked = Promise.all([
    run(join(bin, "publint"), [join(project, "assembled"), "--strict"]),
    run(join(bin, "attw"), [join(project, packed.filename), "--profile", "esm-only"]),
  ]);
  await checked.catch(({ stdout, stderr }) => assert.fail(stdout + stderr));
});
