/** The FIFOs of a process's streams, as containerd makes them before Create, with clients at their other ends. */

import { must, Running } from "./command.ts";
import type { Daemon } from "./daemon.ts";
import { newId } from "./wasm.ts";

export interface Fifos {
  stdin: string;
  stdout: string;
  stderr: string;
}

/** Makes three FIFOs, with the same paths on the host and inside `daemon`. */
export async function makeFifos(daemon: Daemon): Promise<Fifos> {
  const folder = `${daemon.base}/${newId("fifos")}`;
  await Deno.mkdir(folder);
  const fifos = {
    stdin: `${folder}/stdin`,
    stdout: `${folder}/stdout`,
    stderr: `${folder}/stderr`,
  };
  await must(["mkfifo", ...Object.values(fifos)]);
  return fifos;
}

/** Reads a FIFO: ends when every writer has closed it. */
export function readFifo(path: string): Running {
  return new Running(["cat", path], { timeoutMs: 60_000 });
}

/** Writes what it is given by `Running.write` to a FIFO, until `closeStdin`. */
export function feedFifo(path: string): Running {
  return new Running(["sh", "-c", 'exec cat >"$0"', path], { stdin: "open", timeoutMs: 60_000 });
}
