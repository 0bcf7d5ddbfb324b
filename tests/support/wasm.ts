/** Private daemons with the built shim and one image that holds every module of tests/modules. */

import { buildImage, type Entry, file } from "../../scripts/image.ts";
import { buildModules, modulePath } from "../../scripts/modules.ts";
import type { Result, Running } from "./command.ts";
import { type CtrOptions, Daemon, type DaemonOptions, type Version } from "./daemon.ts";
import { waitFor } from "./wait.ts";

export const RUNTIME = "io.containerd.deno.v1";
/** Every module as /NAME.wasm, and /bin/busybox. */
export const IMAGE = "localhost/denowasi/modules:latest";
/** The versions of containerd that every behaviour a user sees is tested on. */
export const VERSIONS: readonly Version[] = ["1.6", "1.7", "2.1"];
/** Where tests of one version run. */
export const VERSION: Version = "1.7";

const SHIM_DIR = new URL("../../dist", import.meta.url).pathname;

export interface RunOptions extends CtrOptions {
  /** The container's id. Default: one that is new. */
  id?: string;
  /** Further flags of `ctr run`. */
  flags?: string[];
  image?: string;
}

/** The files of the image, as one layer. */
export async function moduleFiles(): Promise<Entry[]> {
  await buildModules();
  const files = [file("/bin/busybox", await Deno.readFile("/bin/busybox"), 0o755)];
  for (const { name } of Deno.readDirSync(modulePath(""))) {
    if (!name.endsWith(".wasm")) continue;
    files.push(file(`/${name}`, await Deno.readFile(modulePath(name)), 0o755));
  }
  return files;
}

/** A daemon with the image, in which one container has run: a census is comparable from then on. */
export async function startDaemon(options: Partial<DaemonOptions> = {}): Promise<Daemon> {
  const daemon = await Daemon.start({ version: VERSION, shimDir: SHIM_DIR, ...options });
  try {
    await daemon.importImage(await buildImage({ ref: IMAGE, layers: [await moduleFiles()] }));
    const first = await runWasm(daemon, ["/hello.wasm"], { timeoutMs: 30_000 });
    if (first.code !== 0) throw new Error(`first container: ${first.err}`);
    await waitFor("its shim to end", () => daemon.processes().length === 1);
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

let count = 0;

/** An id that this process has not used. */
export function newId(prefix = "c"): string {
  return `${prefix}${++count}`;
}

/** Runs a container to its end, as a user does. */
export function runWasm(daemon: Daemon, args: string[], options: RunOptions = {}): Promise<Result> {
  const { flags = [], id, image, ...rest } = options;
  return daemon.ctr(["run", "--rm", ...runArgs(args, { flags, id, image })], rest);
}

/** Starts a container, with `ctr` to feed and end it. */
export function spawnWasm(daemon: Daemon, args: string[], options: RunOptions = {}): Running {
  const { flags = [], id, image, ...rest } = options;
  return daemon.spawnCtr(["run", "--rm", ...runArgs(args, { flags, id, image })], rest);
}

/** Starts a container that runs by itself. Answers its id. */
export async function detachWasm(
  daemon: Daemon,
  args: string[],
  { flags = ["--null-io"], id = newId(), image, ...rest }: RunOptions = {},
): Promise<string> {
  await daemon.mustCtr(["run", "--detach", ...runArgs(args, { flags, id, image })], rest);
  return id;
}

function runArgs(args: string[], { flags = [], id = newId(), image = IMAGE }: RunOptions) {
  return ["--runtime", RUNTIME, ...flags, image, id, ...args];
}

/** What `ctr task list` says of task `id`, or undefined. */
export async function taskStatus(
  daemon: Daemon,
  id: string,
): Promise<{ pid: number; status: string } | undefined> {
  const { out } = await daemon.mustCtr(["task", "list"]);
  const found = out.split("\n").map((line) => line.split(/\s+/)).find(([name]) => name === id);
  return found && { pid: Number(found[1]), status: found[2] };
}

/** Ends a container of `detachWasm` in whatever state it is, and removes it. */
export async function removeWasm(daemon: Daemon, id: string): Promise<void> {
  await daemon.ctr(["task", "delete", "--force", id]);
  await daemon.mustCtr(["container", "delete", id]);
}
