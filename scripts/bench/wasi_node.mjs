/** The same with node:wasi, by Deno and by Node alike: - MODULE FOLDER ARGS... */

import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

// The module node:process would make stdout non-blocking in Node.
const [, path, folder, ...args] = globalThis.process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: ["app", ...args], preopens: { ".": folder } });
const module = new WebAssembly.Module(readFileSync(path));
wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
