/**
 * Pods of two native containers, a pause and a sidecar, under any shim that speaks containerd's Task
 * service, called as containerd 1.7 does: `start` and a connection for each container.
 */

import { type Daemon, waitFor } from "../../tests/support/mod.ts";
import { overlay, type RootfsMount, type TaskClient } from "../../tests/support/shim.ts";
import type { Any } from "../../src/proto/mod.ts";
import {
  type BenchSpec,
  FOLDER,
  joinNamespaces,
  makeFifos,
  SANDBOX_ID,
  SIGKILL,
  type Template,
  TIMEOUT_MS,
} from "./pod.ts";
import { FIFOS, othersOf, type Starter } from "./starter.ts";

/** A shim under test. */
export interface Shim {
  label: string;
  /** Its file name. */
  program: string;
  /** What Create is told. */
  options?: Any;
  /** What /etc/denowasi/config.toml holds; there is none by default. */
  config?: string;
  /** Its pods share a supervisor: a pod is measured beside one that runs already. */
  shared?: boolean;
}

/** A container that is ready for `start`, but for its config.json. */
interface Prepared {
  id: string;
  bundle: string;
  spec: BenchSpec;
  rootfs: RootfsMount[];
  /** FIFOs for the container's output, inside the daemon. */
  streams: { stdout?: string; stderr?: string };
  /** FIFOs held open as containerd does. */
  held: Deno.FsFile[];
}

export interface PreparedPod {
  pause: Prepared;
  sidecar: Prepared;
}

/** What the steps of a container took, in milliseconds. */
export interface Steps {
  /** `start` and connecting to the shim. */
  start: number;
  create: number;
  run: number;
}

interface Started extends Prepared {
  client: TaskClient;
  pid: number;
  steps: Steps;
}

export interface NativePod {
  pause: Started;
  sidecar: Started;
  /** From before the first `start` to the answer to the sidecar's Start, in milliseconds. */
  ms: number;
}

let count = 0;

/** Makes what a pod needs, as containerd and its client would: the sidecar alone has output, as in Kubernetes. */
export async function preparePod(template: Template): Promise<PreparedPod> {
  const name = `native${++count}`;
  return {
    pause: await prepare(template, name, `${name}-pause`, []),
    sidecar: await prepare(template, name, `${name}-sidecar`, ["stdout", "stderr"]),
  };
}

async function prepare(
  { daemon, root, spec: common }: Template,
  pod: string,
  id: string,
  outputs: string[],
): Promise<Prepared> {
  const bundle = `${FOLDER}/${id}`;
  const spec = structuredClone(common);
  spec.process.args = ["/bin/busybox", "sleep", "86400"];
  spec.annotations = { [SANDBOX_ID]: pod };
  spec.linux.cgroupsPath = `/${daemon.namespace}/${id}`;
  await Deno.mkdir(daemon.path(`${bundle}/rootfs`), { recursive: true });
  const path = (name: string) => daemon.path(`${bundle}/${name}`);
  await makeFifos([...FIFOS, ...outputs].map(path));
  const held = [FIFOS[0], ...outputs].map((name) =>
    Deno.openSync(path(name), { read: true, write: true })
  );
  const streams = Object.fromEntries(outputs.map((name) => [name, `${bundle}/${name}`]));
  return { id, bundle, spec, rootfs: [await overlay(daemon, root, id)], streams, held };
}

/** Creates and starts both containers; the sidecar joins the namespaces of the pause. */
export async function startPod(
  { daemon }: Template,
  starter: Starter,
  shim: Shim,
  prepared: PreparedPod,
): Promise<NativePod> {
  const beganMs = performance.now();
  const pause = await startContainer(daemon, starter, shim, prepared.pause);
  joinNamespaces(prepared.sidecar.spec, pause.pid);
  const sidecar = await startContainer(daemon, starter, shim, prepared.sidecar);
  return { pause, sidecar, ms: performance.now() - beganMs };
}

async function startContainer(
  daemon: Daemon,
  starter: Starter,
  { program, options }: Shim,
  prepared: Prepared,
): Promise<Started> {
  const { id, bundle, spec, rootfs, streams } = prepared;
  const beganMs = performance.now();
  Deno.writeTextFileSync(daemon.path(`${bundle}/config.json`), JSON.stringify(spec));
  const client = await starter.start(program, id);
  const calledMs = performance.now();
  const request = { id, bundle, rootfs, ...streams, options };
  const { pid } = await client.call("Create", request, TIMEOUT_MS);
  const createdMs = performance.now();
  await client.call("Start", { id }, TIMEOUT_MS);
  const steps = {
    start: calledMs - beganMs,
    create: createdMs - calledMs,
    run: performance.now() - createdMs,
  };
  return { ...prepared, client, pid, steps };
}

/** Ends both containers, tells the shim to end, which takes a moment, and removes what was prepared. */
export async function endPod({ daemon }: Template, { sidecar, pause }: NativePod): Promise<void> {
  for (const container of [sidecar, pause]) {
    const { id, bundle, client, held } = container;
    await client.call("Kill", { id, signal: SIGKILL }, TIMEOUT_MS);
    await client.call("Wait", { id }, TIMEOUT_MS);
    await client.call("Delete", { id }, TIMEOUT_MS);
    await client.call("Shutdown", { id }).catch(() => {}); // of the last container: ends the connection
    client[Symbol.dispose]();
    for (const file of held) file.close();
    await Deno.remove(daemon.path(bundle), { recursive: true });
    await Deno.remove(`${daemon.base}/layers/${id}`, { recursive: true });
  }
}

/** Waits until nothing but containerd and starters run. */
export async function shimsEnded(daemon: Daemon): Promise<void> {
  await waitFor("every shim to end", () => othersOf(daemon).length === 0, TIMEOUT_MS);
}
