/** Input and output of a guest: the engine's host of WASI beside node:wasi, Deno's and Node's own. */

import { builtLibrary } from "../../src/linux/testing/system.ts";
import { must } from "../../tests/support/mod.ts";
import { modulePath } from "../modules.ts";
import type { Section } from "./report.ts";

const HERE = new URL(".", import.meta.url).pathname;
/** As the zygote has it: V8_FLAGS of src/launcher/zygote.c. */
const V8_FLAGS = "--single-threaded,--no-liftoff,--no-wasm-lazy-compilation";

/** What `io` is asked for; the files are on /dev/shm, so that no disk is measured. */
const OPERATIONS = [
  ["200 MB to a pipe", "stream", "191"],
  ["1e6 writes of 16 bytes", "writes", "1000000"],
  ["100k file operations", "files", "20000"],
] as const;

type Host = "ours" | "Deno" | "Node";

const COMMANDS: Record<Host, (library: string) => string[]> = {
  ours: (library) => [Deno.execPath(), "run", "-A", `${HERE}wasi_ours.ts`, library],
  Deno: () => [Deno.execPath(), "run", "-A", `${HERE}wasi_node.mjs`, "-"],
  Node: () => ["node", "--no-warnings", `${HERE}wasi_node.mjs`, "-"],
};

/** The guest's own ms of one run. */
async function run(host: Host, library: string, operation: string, count: string): Promise<number> {
  const folder = await Deno.makeTempDir({ dir: "/dev/shm" });
  try {
    const command = [...COMMANDS[host](library), modulePath("io.wasm"), folder, operation, count];
    const quoted = command.map((word) => `'${word}'`).join(" ");
    const { err } = await must(["sh", "-c", `{ ${quoted}; } | cat > /dev/null`], {
      env: { DENO_V8_FLAGS: V8_FLAGS, NO_COLOR: "1" },
      timeoutMs: 60_000,
    });
    const ms = /^ms ([\d.]+)$/m.exec(err)?.[1];
    if (ms === undefined) throw new Error(`io ${operation}: ${err}`);
    return Number(ms);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @param rounds of each operation on each host, in turns */
export async function measureWasi(rounds: number): Promise<Section> {
  const library = await builtLibrary();
  const rows: Section["rows"] = [];
  const claims: Section["claims"] = [];
  for (const [label, operation, count] of OPERATIONS) {
    const times: Record<Host, number[]> = { ours: [], Deno: [], Node: [] };
    for (let round = 0; round < rounds; round++) {
      for (const host of Object.keys(times) as Host[]) {
        times[host].push(await run(host, library, operation, count));
      }
    }
    // The fastest: a pipe's other end is as slow as what else the machine does.
    const [ours, deno, node] = [times.ours, times.Deno, times.Node].map((of) => Math.min(...of));
    rows.push({ label, values: [ours, deno, node, ours / deno, ours / node] });
    claims.push({ name: `${label}, to node:wasi`, value: ours / deno, target: 1, unit: "x" });
  }
  const columns = ["ours", "Deno's", "Node's", "to Deno's", "to Node's"];
  return { title: `WASI, fastest of ${rounds}, ms`, columns, rows, claims };
}
