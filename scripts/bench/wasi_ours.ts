/** Runs a module on the default engine: LIBRARY MODULE FOLDER ARGS..., with FOLDER as its current one. */

import { loadEngine } from "../../src/engine/engines.ts";
import { openSystem } from "../../src/linux/system.ts";

const [library, path, host, ...args] = Deno.args;
const engine = await loadEngine("deno", { system: openSystem(library) });
const program = await engine.compile(Deno.readFileSync(path), path);
engine.warmUp();
const preopens = [{ host, guest: "." }];
const { code, message } = program.run({
  ...{ args: ["app", ...args], env: [], cwd: "/", export: "_start", preopens, listeners: [] },
});
if (message) console.error(message);
Deno.exit(code);
