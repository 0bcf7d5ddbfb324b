/** Runs one guest on this process's streams: `run.ts LIBRARY MODULE GUEST`, GUEST in JSON. */

import { openSystem } from "../../../linux/system.ts";
import type { Guest, Program } from "../../mod.ts";
import { wasmerEngine } from "../mod.ts";

const [library, path, guest] = Deno.args;
const engine = await wasmerEngine({ system: openSystem(library) });
const program = engine.compile(Deno.readFileSync(path), path) as Program;
const { code, message } = program.run(JSON.parse(guest) as Guest);
Deno.stderr.writeSync(new TextEncoder().encode(message));
Deno.exit(code);
