/** The process of a `binary://` logger, from its start to its end. */

import { ShimError } from "../errdefs/mod.ts";
import type { LoggerPlan } from "./logger_plan.ts";

/** How long a logger may take to be ready, and to end once it has read all. */
const PATIENCE_MS = 10_000;
/** How long it may take to heed SIGTERM. */
const TERM_MS = 2000;

export interface LoggerOptions {
  /** Path of the launcher. */
  launcher: string;
  /** The shim's own folder, for FIFOs. Must be there, and of this process alone. */
  folder: string;
  /** mkfifo(3) of a path of the shim's own. @throws ShimError */
  mkfifo(path: string, mode: number): void;
  /** The logger's PATH. */
  path: string;
  /** Instead of 10 s, to be ready and to end. */
  patienceMs?: number;
}

export interface Logger {
  /** FIFOs that it reads. */
  stdout: string;
  stderr: string;
  /**
   * Let go of both: who writes holds them now. Until then they are held open, since a logger that reads one that nobody
   * has opened for writing takes that for the end.
   */
  held(): void;
  /** Let go, and wait until the logger has ended: killed, when it does not by itself. Removes the FIFOs. */
  close(): Promise<void>;
}

/**
 * Start a logger and wait until it is ready, that is, until it writes to descriptor 5 or closes it.
 * @throws ShimError what was wrong, of which nothing is left then
 */
export async function startLogger(plan: LoggerPlan, options: LoggerOptions): Promise<Logger> {
  const { folder, patienceMs = PATIENCE_MS } = options;
  const fifo = (name: string) => `${folder}/logger-${name}`;
  const [stdout, stderr, ready] = [fifo("stdout"), fifo("stderr"), fifo("ready")];
  using fifos = new DisposableStack();
  for (const path of [stdout, stderr, ready]) {
    options.mkfifo(path, 0o600);
    fifos.defer(() => removeFifo(path));
  }
  using held = new DisposableStack();
  // At both ends, which never waits on Linux.
  for (const path of [stdout, stderr]) {
    held.use(Deno.openSync(path, { read: true, write: true }));
  }
  const child = spawn(plan, options, { stdout, stderr, ready });
  const wrong = await waitUntilReady(ready, child, patienceMs);
  if (wrong !== null) {
    throw new ShimError("Unavailable", `start logger ${JSON.stringify(plan.uri)}: ${wrong}`);
  }
  const [letGo, remove] = [held.move(), fifos.move()];
  const close = async () => {
    letGo.dispose();
    await end(child, patienceMs);
    remove.dispose();
  };
  let closed: Promise<void> | undefined;
  return { stdout, stderr, held: () => letGo.dispose(), close: () => closed ??= close() };
}

function spawn(
  { uri, command, env }: LoggerPlan,
  { launcher, path }: LoggerOptions,
  fifos: Record<"stdout" | "stderr" | "ready", string>,
): Deno.ChildProcess {
  const streams = Object.entries(fifos).flatMap(([name, path]) => [`--${name}`, path]);
  try {
    return new Deno.Command(launcher, {
      args: ["logger", ...streams, "--", ...command],
      clearEnv: true,
      env: { ...env, PATH: path },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
      detached: true,
    }).spawn();
  } catch (cause) {
    const { message } = cause as Error;
    throw new ShimError("Internal", `start logger ${JSON.stringify(uri)}: ${message}`, { cause });
  }
}

/** What was wrong, in which case the logger has been killed; null: it is ready. */
async function waitUntilReady(
  ready: string,
  child: Deno.ChildProcess,
  patienceMs: number,
): Promise<string | null> {
  const reading = readOnce(ready).catch((error) => `read ${ready}: ${error.message}`);
  const wrong = await whatIsWrong(reading, child, patienceMs);
  if (wrong !== null) {
    signalGroup(child, "SIGKILL");
    // The thread that reads may have nobody else to wait for.
    using waker = Deno.openSync(ready, { read: true, write: true });
    waker.writeSync(new Uint8Array(1));
    await Promise.all([reading, endsWithin(child, TERM_MS)]);
  }
  return wrong;
}

const BYTE = "a byte";
const END = "end of file";

/** Waits, in a thread, until the logger has opened its end of a FIFO and until it writes or closes it. */
async function readOnce(fifo: string): Promise<string> {
  using file = await Deno.open(fifo, { read: true });
  return await file.read(new Uint8Array(1)) === null ? END : BYTE;
}

async function whatIsWrong(
  reading: Promise<string>,
  child: Deno.ChildProcess,
  patienceMs: number,
): Promise<string | null> {
  const ended = child.status.then(({ code }) => `it ended with ${code} before it was ready`);
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(`not ready within ${patienceMs} ms`), patienceMs);
  try {
    const first = await Promise.race([reading, ended, late]);
    if (first === BYTE) return null;
    if (first !== END) return first;
    // The end of its process closes its descriptors, too, and is known a moment later.
    return hasDescriptors(child.pid) ? null : await ended;
  } finally {
    clearTimeout(timer);
  }
}

function hasDescriptors(pid: number): boolean {
  try {
    return !Deno.readDirSync(`/proc/${pid}/fd`)[Symbol.iterator]().next().done;
  } catch {
    return false;
  }
}

/** Give it `patienceMs` to end by itself, then make it. */
async function end(child: Deno.ChildProcess, patienceMs: number): Promise<void> {
  if (await endsWithin(child, patienceMs)) return;
  signalGroup(child, "SIGTERM");
  if (await endsWithin(child, TERM_MS)) return;
  signalGroup(child, "SIGKILL");
  await endsWithin(child, TERM_MS);
}

async function endsWithin(child: Deno.ChildProcess, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const ended = await Promise.race([child.status.then(() => true), late]);
  clearTimeout(timer);
  return ended;
}

/** Signal it and what it has begun. No failure when it has just ended. */
function signalGroup(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    Deno.kill(-child.pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Its folder may have been removed before. */
function removeFifo(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
