/** Pods of containers that only a shim knows of, made by its own protocol. */

import { Status } from "../../src/proto/mod.ts";
import type { Daemon } from "./daemon.ts";
import {
  type BundleOptions,
  BUNDLES,
  makeBundle,
  overlay,
  startShim,
  type TaskClient,
  writeRoot,
} from "./shim.ts";
import { waitFor } from "./wait.ts";

const SIGKILL = 9;

export interface CreateOptions extends Omit<BundleOptions, "id"> {
  /** Where its output goes: URIs such as file:///path. Default: nowhere. */
  stdout?: string;
  stderr?: string;
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
  ) {}

  /** @param name of the group: one that `daemon` has not seen */
  static async make(daemon: Daemon, name: string, version: 2 | 3 = 2): Promise<Pod> {
    return new Pod(daemon, name, await writeRoot(daemon), version);
  }

  get client(): TaskClient {
    if (!this.#client) throw new Error(`${this.name}: no container was made yet`);
    return this.#client;
  }

  /** Makes a bundle of the group. */
  bundle(id: string, options: CreateOptions): Promise<string> {
    const annotations = { "io.kubernetes.cri.sandbox-id": this.name, ...options.annotations };
    return makeBundle(this.daemon, { ...options, id, annotations });
  }

  /** Makes a bundle and a task of it; the first one starts the shim. Answers the pid of init. */
  async create(id: string, options: CreateOptions): Promise<number> {
    const { stdout = "", stderr = "" } = options;
    const bundle = await this.bundle(id, options);
    this.#ids.add(id);
    this.#client ??= await startShim(this.daemon, { id, bundle }, this.version);
    const rootfs = [await overlay(this.daemon, this.root, id)];
    const { pid } = await this.client.call(
      "Create",
      { id, bundle, rootfs, stdout, stderr },
      30_000,
    );
    this.pid ||= (await this.client.call("Connect", { id })).shimPid;
    return pid;
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
    if (!this.#client) return;
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
    await Deno.remove(`${this.daemon.base}/layers/${id}`, { recursive: true });
  }
}
