/** Runs a module as a process of its own, as a container's is: LIBRARY MODULE GUEST (JSON). */

import { openSystem } from "../../../linux/system.ts";
import { denoEngine } from "../../deno.ts";
import type { Program } from "../../mod.ts";

const [library, path, guest] = Deno.args;
const engine = denoEngine({ system: openSystem(library) });
const program = engine.compile(Deno.readFileSync(path), path) as Program;
const { code, message } = program.run(JSON.parse(guest));
const { symbols: libc } = Deno.dlopen("libc.so.6", {
  dprintf: { parameters: ["i32", "buffer"], result: "i32" },
  _exit: { parameters: ["i32"], result: "void" },
});
libc.dprintf(2, new TextEncoder().encode(`${message.replaceAll("%", "%%")}\0`));
libc._exit(code);
