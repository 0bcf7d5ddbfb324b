/**
 * Pods whose containers are made by the shim's own protocol, so that what is measured is the shim:
 * everything that containerd would do before Create (bundle, FIFO, folders of the overlay) is done
 * by `prepare`.
 */

import type { Daemon } from "../../tests/support/mod.ts";
import {
  overlay,
  type RootfsMount,
  type Spec,
  startShim,
  type TaskClient,
} from "../../tests/support/shim.ts";
import { waitFor, within } from "../../tests/support/wait.ts";

/** Where the benchmark's bundles are, inside the daemon. */
export const FOLDER = "/run/bench";
export const SANDBOX_ID = "io.kubernetes.cri.sandbox-id";
export const SIGKILL = 9;
/** How long any container of the benchmark may take to its first byte, and to its end. */
export const TIMEOUT_MS = 30_000;

/** What the containers of a daemon have in common. */
export interface Template {
  daemon: Daemon;
  /** Folder with the modules, the lower layer of every rootfs. */
  root: string;
  /** What `ctr oci spec` prints. */
  spec: BenchSpec;
}

export type BenchSpec = Spec & { linux: { namespaces: { type: string; path?: string }[] } };

/** A container that is ready for Create. */
export interface Prepared {
  id: string;
  bundle: string;
  rootfs: RootfsMount[];
  /** The container's stdout, inside the daemon. */
  fifo: string;
}

/** What came of a container, and when, in milliseconds of performance.now(). */
export interface Launch {
  pid: number;
  /** Before the shim's `start`, which only the first container of a pod needs. */
  beganMs: number;
  /** Before Create. */
  calledMs: number;
  createdMs: number;
  startedMs: number;
  firstByteMs: number;
  reader: Reader;
}

export interface FinishedLaunch extends Launch {
  endedMs: number;
  deletedMs: number;
}

/** Reads a FIFO from its first byte to its end, which comes when no writer is left. */
class Reader {
  readonly firstByteMs: Promise<number>;
  /** All that was written. */
  readonly text: Promise<string>;

  constructor(path: string) {
    const first = Promise.withResolvers<number>();
    this.firstByteMs = first.promise;
    this.text = read(path, () => first.resolve(performance.now()));
  }
}

async function read(path: string, onChunk: () => void): Promise<string> {
  const file = await Deno.open(path); // when the shim has opened it, too
  let text = "";
  for await (const chunk of file.readable.pipeThrough(new TextDecoderStream())) {
    onChunk();
    text += chunk;
  }
  return text;
}

let count = 0;

/** Lets a container share what those of a Kubernetes pod share with the pod's first one, whose init is `pid`. */
export function joinNamespaces({ linux }: BenchSpec, pid: number): void {
  for (const namespace of linux.namespaces) {
    const file = { network: "net", ipc: "ipc", uts: "uts" }[namespace.type];
    if (file) namespace.path = `/proc/${pid}/ns/${file}`;
  }
}

/** @param paths on the host */
export async function makeFifos(paths: string[]): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: paths }).output();
  if (!success) throw new Error(`mkfifo ${paths.join(" ")}: failed`);
}

export class Pod {
  #client: TaskClient | undefined;
  readonly #running = new Set<string>();
  #first: number | undefined;

  constructor(readonly template: Template, readonly name = `pod${++count}`) {}

  get client(): TaskClient {
    if (!this.#client) throw new Error(`pod ${this.name}: no container was launched yet`);
    return this.#client;
  }

  /** The pid of the first container, whose namespaces the others join as in Kubernetes. */
  get first(): number {
    if (!this.#first) throw new Error(`pod ${this.name}: no container was created yet`);
    return this.#first;
  }

  /**
   * Makes what Create needs.
   * @param join network, ipc and uts namespace of the first container, instead of new ones
   */
  async prepare(args: string[], { join = false } = {}): Promise<Prepared> {
    const { daemon, root, spec } = this.template;
    const id = `b${++count}`;
    const bundle = `${FOLDER}/${id}`;
    const fifo = `${bundle}/stdout`;
    const config = structuredClone(spec);
    config.process.args = args;
    config.annotations = { [SANDBOX_ID]: this.name };
    config.linux.cgroupsPath = `/${daemon.namespace}/${id}`;
    if (join) joinNamespaces(config, this.first);
    await Deno.mkdir(daemon.path(`${bundle}/rootfs`), { recursive: true });
    await Deno.writeTextFile(daemon.path(`${bundle}/config.json`), JSON.stringify(config));
    await makeFifos([daemon.path(fifo)]);
    return { id, bundle, fifo, rootfs: [await overlay(daemon, root, id)] };
  }

  /** Creates and starts a container and waits for its first byte. The pod's first one starts the shim. */
  async launch({ id, bundle, rootfs, fifo }: Prepared): Promise<Launch> {
    const { daemon } = this.template;
    const beganMs = performance.now();
    this.#client ??= await startShim(daemon, { id, bundle });
    const reader = new Reader(daemon.path(fifo));
    const calledMs = performance.now();
    const request = { id, bundle, rootfs, stdout: fifo };
    const { pid } = await this.client.call("Create", request, TIMEOUT_MS);
    const createdMs = performance.now();
    this.#running.add(id);
    this.#first ??= pid;
    await this.client.call("Start", { id });
    const startedMs = performance.now();
    const firstByteMs = await within(`output of ${id}`, reader.firstByteMs, TIMEOUT_MS);
    return { pid, beganMs, calledMs, createdMs, startedMs, firstByteMs, reader };
  }

  /** Runs a container that ends by itself, from Create to Delete. @throws Error unless it exits with 0 */
  async run(container: Prepared): Promise<FinishedLaunch> {
    const launch = await this.launch(container);
    const { status, ...times } = await this.#finish(container.id);
    if (status !== 0) throw new Error(`container ${container.id}: exit status ${status}`);
    return { ...launch, ...times };
  }

  /** Ends every container and tells the shim to end, which takes a moment: see `settled`. */
  async end(): Promise<void> {
    await Promise.all([...this.#running].map(async (id) => {
      await this.client.call("Kill", { id, signal: SIGKILL });
      await this.#finish(id);
    }));
    await this.client.call("Shutdown", { id: this.name }).catch(() => {}); // ends the connection
    this.client[Symbol.dispose]();
  }

  /** Waits for the end of a container and deletes it. */
  async #finish(id: string): Promise<{ status: number; endedMs: number; deletedMs: number }> {
    await this.client.call("Wait", { id }, TIMEOUT_MS);
    const endedMs = performance.now();
    const { exitStatus } = await this.client.call("Delete", { id });
    this.#running.delete(id);
    return { status: exitStatus, endedMs, deletedMs: performance.now() };
  }
}

/** Waits until nothing but containerd runs in `daemon`, so that nothing disturbs what comes next. */
export async function settled(daemon: Daemon): Promise<void> {
  await waitFor("every shim to end", () => daemon.processes().length === 1, TIMEOUT_MS);
}
