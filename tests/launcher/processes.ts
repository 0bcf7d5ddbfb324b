/** FIFOs, who reads and writes them, and what processes have open. */

import assert from "node:assert/strict";
import { Running, waitFor } from "../support/mod.ts";

/** Makes a FIFO. */
export function makeFifo(path: string): void {
  const { success } = new Deno.Command("mkfifo", { args: [path] }).outputSync();
  assert(success, path);
}

/** Who reads a FIFO to its end. */
export function reader(path: string): Running {
  return new Running(["cat", path]);
}

/** The same, once it has the FIFO open; a monitor must hold it. */
export async function client(path: string): Promise<Running> {
  const running = reader(path);
  await waitFor("the reader", () => [...descriptors(running.pid).values()].includes(path));
  return running;
}

/** Who writes to a FIFO; `closeStdin` ends it. */
export function writer(path: string): Running {
  return new Running(["sh", "-c", 'exec cat >"$0"', path], { stdin: "open" });
}

/** What the descriptors of process `pid` are, by number. */
export function descriptors(pid: number): Map<number, string> {
  const found = new Map<number, string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      found.set(Number(name), Deno.readLinkSync(`/proc/${pid}/fd/${name}`));
    } catch (error) {
      // It was closed meanwhile.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

/** Whether process `pid` is there, be it as a zombie. */
export function exists(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}
