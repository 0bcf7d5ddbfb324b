/** Commands under a pseudo-terminal of the test, as a user types at one: by script(1) of util-linux. */

import { must, type Running } from "./command.ts";
import type { Daemon } from "./daemon.ts";
import { waitFor } from "./wait.ts";

export interface Size {
  /** In characters. */
  width: number;
  height: number;
}

/** A command whose standard streams are a terminal. `Running.write` types; its output is the screen. */
export interface Terminal {
  running: Running;
  /** Changes the size; the command gets SIGWINCH. */
  resize(size: Size): Promise<void>;
}

/** Starts `argv` in the namespaces of `daemon` under a terminal. */
export async function startTerminal(
  daemon: Daemon,
  argv: string[],
  size: Size = { width: 80, height: 24 },
): Promise<Terminal> {
  const named = await Deno.makeTempFile({ dir: daemon.base, prefix: "tty-" });
  // ctr makes it raw but for line ends, which the container's terminal has translated already.
  const prepare = `tty >${quote(named)} && stty -onlcr ${dimensions(size).join(" ")}`;
  const command = `${prepare} && exec ${argv.map(quote).join(" ")}`;
  const running = daemon.spawn(["script", "-qefc", command, "/dev/null"], {
    stdin: "open",
    timeoutMs: 30_000,
  });
  const path = await waitFor(
    "the terminal",
    () => Deno.readTextFileSync(named).trim() || undefined,
  );
  await Deno.remove(named);
  return { running, resize: (size) => resize(path, size) };
}

async function resize(path: string, size: Size): Promise<void> {
  await must(["stty", "-F", path, ...dimensions(size)]);
}

function dimensions({ width, height }: Size): string[] {
  return ["cols", String(width), "rows", String(height)];
}

/** As one word of a shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
