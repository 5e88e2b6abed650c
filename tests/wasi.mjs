/** Runs a test program built for wasm32-wasip1: cargo's runner, see build.sh. */

import { readFile } from "node:fs/promises";
import { argv, env, exit } from "node:process";
import { WASI } from "node:wasi";

const [, , program, ...rest] = argv;
if (!program) throw new Error("usage: node tests/wasi.mjs PROGRAM.wasm [ARGUMENT...]");
const wasi = new WASI({ version: "preview1", args: [program, ...rest], env });
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, {
  .../** @type {WebAssembly.Imports} */ (wasi.getImportObject()),
});
exit(wasi.start(instance));
