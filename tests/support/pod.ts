/** Pods of containers that only a shim knows of, made by its own protocol. */

import { type Any, Status } from "../../src/proto/mod.ts";
import type { Daemon } from "./daemon.ts";
import {
  type BundleOptions,
  BUNDLES,
  makeBundle,
  overlay,
  type ShimCall,
  startShim,
  type TaskClient,
  writeRoot,
} from "./shim.ts";
import { waitFor } from "./wait.ts";

const SIGKILL = 9;
/** The shim gives a runtime 30 s. */
const CREATE_TIMEOUT_MS = 40_000;
const TYPES = "types.containerd.io/opencontainers/runtime-spec/1";

/** Where a process's streams lead: FIFOs, or URIs such as file:///path. Default: nowhere. */
export interface Streams {
  terminal?: boolean;
  stdin?: string;
  stdout?: string;
  stderr?: string;
}

export interface CreateOptions extends Omit<BundleOptions, "id">, Streams {
  /** The runtime options. */
  options?: Any;
}

/** What makes a container of busybox's applets. */
export function native(args: string[], options: Partial<CreateOptions> = {}): CreateOptions {
  return { args, env: ["PATH=/bin"], ...options };
}

export interface ExecOptions extends Streams {
  env?: string[];
  cwd?: string;
  user?: { uid: number; gid: number };
}

/** What Exec takes for a process that runs `args`. */
export function processSpec(args: string[], options: ExecOptions = {}): Any {
  const { terminal = false, env = ["PATH=/bin"], cwd = "/", user = { uid: 0, gid: 0 } } = options;
  return anyJson("Process", { terminal, args, env, cwd, user });
}

/** What Update takes: `resources` is linux.resources of config.json. */
export function resourcesSpec(resources: Record<string, unknown>): Any {
  return anyJson("LinuxResources", resources);
}

function anyJson(type: string, value: unknown): Any {
  const text = JSON.stringify(value);
  return { typeUrl: `${TYPES}/${type}`, value: new TextEncoder().encode(text) };
}

/** A shim with containers that containerd knows nothing of, all of one group. */
export class Pod implements AsyncDisposable {
  #client: TaskClient | undefined;
  /** The supervisor's, once it runs. */
  pid = 0;
  readonly #ids = new Set<string>();

  private constructor(
    readonly daemon: Daemon,
    readonly name: string,
    readonly root: string,
    readonly version: 2 | 3,
    readonly call: ShimCall,
  ) {}

  /** @param name of the group: one that `daemon` has not seen */
  static async make(
    daemon: Daemon,
    name: string,
    version: 2 | 3 = 2,
    call: ShimCall = {},
  ): Promise<Pod> {
    return new Pod(daemon, name, await writeRoot(daemon), version, call);
  }

  get client(): TaskClient {
    if (!this.#client) throw new Error(`${this.name}: no container was made yet`);
    return this.#client;
  }

  /** Makes a bundle of the group. */
  bundle(id: string, options: CreateOptions): Promise<string> {
    const annotations = { "io.kubernetes.cri.sandbox-id": this.name, ...options.annotations };
    const change: CreateOptions["change"] = (spec) => {
      spec.process.terminal = options.terminal ?? false;
      options.change?.(spec);
    };
    return makeBundle(this.daemon, { ...options, id, annotations, change });
  }

  /** Makes a bundle and a task of it; the first one starts the shim. Answers the pid of init. */
  async create(id: string, options: CreateOptions): Promise<number> {
    const { terminal, stdin, stdout, stderr, options: runtimeOptions } = options;
    const bundle = await this.bundle(id, options);
    this.#ids.add(id);
    this.#client ??= await startShim(this.daemon, { id, bundle }, this.version, this.call);
    const rootfs = [await overlay(this.daemon, this.root, id)];
    const request = { id, bundle, rootfs, terminal, stdin, stdout, stderr };
    const { pid } = await this.client.call(
      "Create",
      { ...request, options: runtimeOptions },
      CREATE_TIMEOUT_MS,
    );
    this.pid ||= (await this.client.call("Connect", { id })).shimPid;
    return pid;
  }

  /** Runs a program in a container; answers its pid. */
  async exec(
    id: string,
    execId: string,
    args: string[],
    options: ExecOptions = {},
  ): Promise<number> {
    const { terminal, stdin, stdout, stderr } = options;
    const spec = processSpec(args, options);
    await this.client.call("Exec", { id, execId, spec, terminal, stdin, stdout, stderr });
    return (await this.client.call("Start", { id, execId })).pid;
  }

  /** Runs a program in a container to its end and deletes it. Answers the exit status. */
  async execToEnd(id: string, execId: string, args: string[], options?: ExecOptions) {
    await this.exec(id, execId, args, options);
    const { exitStatus } = await this.client.call("Wait", { id, execId });
    await this.client.call("Delete", { id, execId });
    return exitStatus;
  }

  /** Sends a signal to init. */
  async kill(id: string, signal = SIGKILL): Promise<void> {
    await this.client.call("Kill", { id, signal });
  }

  /** The exit status of init, when it has ended. */
  async wait(id: string): Promise<number> {
    return (await this.client.call("Wait", { id }, 30_000)).exitStatus;
  }

  /** Forgets the shim, which has ended: the next container starts another. */
  lost(): void {
    this.#client?.[Symbol.dispose]();
    this.#client = undefined;
    this.pid = 0;
  }

  /** Removes a container's files, when its shim's `delete` has removed it. */
  async forget(id: string): Promise<void> {
    await this.#removeFiles(id);
  }

  /** Creates and starts. Answers the pid of init. */
  async run(id: string, options: CreateOptions): Promise<number> {
    const pid = await this.create(id, options);
    await this.client.call("Start", { id });
    return pid;
  }

  /** Deletes a task that has ended or never ran, and its bundle. Answers the exit status. */
  async delete(id: string): Promise<number> {
    const { exitStatus } = await this.client.call("Delete", { id });
    await this.#removeFiles(id);
    return exitStatus;
  }

  /** Runs a container from beginning to end. Answers the exit status. */
  async runToEnd(id: string, options: CreateOptions): Promise<number> {
    await this.run(id, options);
    const { exitStatus } = await this.client.call("Wait", { id }, 30_000);
    if (await this.delete(id) !== exitStatus) throw new Error(`${id}: Wait and Delete differ`);
    return exitStatus;
  }

  /** Ends what is left of the containers, then the shim, and waits until that has gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#client) {
      for (const id of this.#ids) await this.#removeFiles(id);
      return;
    }
    for (const id of this.#ids) await this.#end(id);
    await this.#client.call("Shutdown", { id: this.name }).catch(() => {});
    this.#client[Symbol.dispose]();
    await waitFor(
      "the shim to end",
      () => !this.daemon.processes().some((p) => p.pid === this.pid),
    );
  }

  /** In whatever state it is: each call fails in some. */
  async #end(id: string): Promise<void> {
    await this.client.call("Kill", { id, signal: SIGKILL }).catch(() => {});
    const { status } = await this.client.call("State", { id }).catch(() => ({ status: undefined }));
    if (status !== undefined && status !== Status.CREATED) await this.client.call("Wait", { id });
    await this.client.call("Delete", { id }).catch(() => {});
    await this.#removeFiles(id);
  }

  async #removeFiles(id: string): Promise<void> {
    this.#ids.delete(id);
    await Deno.remove(this.daemon.path(`${BUNDLES}/${id}`), { recursive: true });
    const layers = `${this.daemon.base}/layers/${id}`;
    await Deno.remove(layers, { recursive: true }).catch(ignoreNotFound);
  }
}

/** Without a Create there are none. */
function ignoreNotFound(error: unknown) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
