import { listCgroups } from "../support/cgroups.ts";
import type { Container, ContainerOptions, Cri, Pod } from "../support/cri.ts";
import { BUSYBOX } from "../support/cri_daemon.ts";
import { textOf } from "../support/cri_logs.ts";
import { waitFor } from "../support/mod.ts";

/** What one test does; `handler` names the runtime. */
export type CriCase = (cri: Cri, handler: string) => Promise<void>;

/** A container that runs a script. */
export function sh(script: string, options: Partial<ContainerOptions> = {}): ContainerOptions {
  return { image: BUSYBOX, command: ["sh", "-c", script], ...options };
}

/** A container that runs until it is stopped, with a shell that SIGTERM ends at once. */
export function idle(options: Partial<ContainerOptions> = {}): ContainerOptions {
  return sh("trap 'exit 0' TERM; echo idle; while :; do sleep 0.1; done", options);
}

/** What the container has written to stdout so far. */
export async function stdout(cri: Cri, container: Container): Promise<string> {
  return textOf(await cri.logs(container), "stdout");
}

/** Waits until the container has logged `text` on stdout. */
export async function waitForOutput(cri: Cri, container: Container, text: string): Promise<void> {
  await waitFor(
    `${container.name} to log ${JSON.stringify(text)}`,
    async () => (await stdout(cri, container)).includes(text),
  );
}

/** Runs a script in a container of its own, to its end. Answers its stdout. @throws unless it exits with 0 */
export async function outputOf(cri: Cri, pod: Pod, options: ContainerOptions): Promise<string> {
  const container = await cri.runToEnd(pod, options);
  const lines = await cri.logs(container);
  if (container.exitCode !== 0) {
    throw new Error(`exit code ${container.exitCode}: ${textOf(lines, "stderr")}`);
  }
  return textOf(lines, "stdout");
}

/** Makes a folder for containers to mount, empty. Answers its path on both sides. */
export function makeVolume(cri: Cri): Promise<string> {
  return Deno.makeTempDir({ dir: cri.daemon.base, prefix: "volume-" });
}

/** Whether a process with exactly this command line runs. */
export function runs(cri: Cri, argv: string[]): boolean {
  const wanted = JSON.stringify(argv);
  return cri.daemon.processes().some((process) => JSON.stringify(process.argv) === wanted);
}

/** The first number of a file of the container's cgroup, by its name in v1 or in v2. */
export function cgroupValue(cri: Cri, container: Container, names: string[]): number {
  const folders = listCgroups(cri.daemon.namespace).filter((path) => path.endsWith(container.id));
  for (const folder of folders) {
    for (const name of names) {
      const text = readIfThere(`/sys/fs/cgroup/${folder}/${name}`);
      if (text !== undefined) return Number(text.split(" ")[0]);
    }
  }
  throw new Error(`no ${names} in ${folders}`);
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
