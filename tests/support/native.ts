/** Containers of native programs (busybox), through ctr and whatever shim. */

import type { Result, Running } from "./command.ts";
import type { CtrOptions, Daemon, DaemonOptions } from "./daemon.ts";
import { busyboxImage } from "./images.ts";
import { BUNDLES } from "./shim.ts";
import { waitFor } from "./wait.ts";
import { newId, RUNTIME, startDaemon, taskStatus } from "./wasm.ts";

/** The shim that is known to be right. */
export const RUNC = "io.containerd.runc.v2";
/** Every applet of busybox in /bin. */
export const BUSYBOX = "localhost/denowasi/busybox:latest";

export interface NativeOptions extends CtrOptions {
  /** The container's id. Default: one that is new. */
  id?: string;
  /** Further flags of `ctr run`. */
  flags?: string[];
}

/** Imports the image, makes the folder of bundles and runs a first container: a census is comparable from then on. */
export async function prepareNative(daemon: Daemon, runtime: string): Promise<void> {
  await Deno.mkdir(daemon.path(BUNDLES), { recursive: true });
  await daemon.importImage(await busyboxImage(BUSYBOX));
  const { code, err } = await runNative(daemon, runtime, ["true"], { timeoutMs: 30_000 });
  if (code !== 0) throw new Error(`first container: ${err}`);
  await waitFor("its shim to end", () => daemon.processes().length === 1);
}

/** A daemon with this shim and both images, in which a container of either kind has run. */
export async function startMixed(options: Partial<DaemonOptions> = {}): Promise<Daemon> {
  const daemon = await startDaemon(options);
  try {
    await prepareNative(daemon, RUNTIME);
  } catch (error) {
    await daemon.stop();
    throw error;
  }
  return daemon;
}

/** The arguments that run `script` in a shell. */
export function sh(script: string): string[] {
  return ["sh", "-c", script];
}

/** Runs a container to its end. */
export function runNative(
  daemon: Daemon,
  runtime: string,
  args: string[],
  options: NativeOptions = {},
): Promise<Result> {
  return spawnNative(daemon, runtime, args, options).result;
}

/** Starts a container, with `ctr` to feed and end it. */
export function spawnNative(
  daemon: Daemon,
  runtime: string,
  args: string[],
  { flags = [], id = newId(), ...rest }: NativeOptions = {},
): Running {
  return daemon.spawnCtr(["run", "--rm", "--runtime", runtime, ...flags, BUSYBOX, id, ...args], {
    timeoutMs: 30_000,
    ...rest,
  });
}

/** Starts a container that runs by itself, without streams unless `flags` say otherwise. Answers its id. */
export async function detachNative(
  daemon: Daemon,
  runtime: string,
  args: string[],
  { flags = [], id = newId(), ...rest }: NativeOptions = {},
): Promise<string> {
  const streams = flags.includes("--log-uri") ? [] : ["--null-io"];
  const run = ["run", "--detach", "--runtime", runtime, ...streams, ...flags];
  await daemon.mustCtr([...run, BUSYBOX, id, ...args], rest);
  return id;
}

/** Runs a program in a container to its end. */
export function execIn(
  daemon: Daemon,
  id: string,
  args: string[],
  options: NativeOptions = {},
): Promise<Result> {
  return spawnIn(daemon, id, args, options).result;
}

/** Starts a program in a container; `id` of the options is the exec id. */
export function spawnIn(
  daemon: Daemon,
  container: string,
  args: string[],
  { flags = [], id = newId("exec"), ...rest }: NativeOptions = {},
): Running {
  return daemon.spawnCtr(["task", "exec", "--exec-id", id, ...flags, container, ...args], rest);
}

/** Waits until task `id` has ended. */
export async function waitForEnd(daemon: Daemon, id: string): Promise<void> {
  await waitFor(
    `the end of ${id}`,
    async () => (await taskStatus(daemon, id))?.status === "STOPPED",
  );
}

/** Ends a task in whatever state it is and removes its container. */
export async function removeTask(daemon: Daemon, id: string): Promise<void> {
  await daemon.ctr(["task", "kill", "--signal", "KILL", id]);
  await waitForEnd(daemon, id);
  await daemon.mustCtr(["task", "delete", id]);
  await daemon.mustCtr(["container", "delete", id]);
}

/** Deletes a task that has ended, and its container. Answers the exit code that it had. */
export async function deleteTask(daemon: Daemon, id: string): Promise<number> {
  await waitForEnd(daemon, id);
  const { code, err } = await daemon.ctr(["task", "delete", id]);
  await daemon.mustCtr(["container", "delete", id]);
  if (code !== 0 && !/exit code \d+/.test(err)) throw new Error(`delete of ${id}: ${err}`);
  return Number(/exit code (\d+)/.exec(err)?.[1] ?? 0);
}

/** The processes of `daemon` named `comm`. */
export function named(daemon: Daemon, comm: string): number[] {
  return daemon.processes().filter((process) => process.comm === comm).map(({ pid }) => pid);
}
