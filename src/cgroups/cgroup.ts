/** One container's cgroup: what both versions have in common. */

import { ShimError } from "../errdefs/mod.ts";
import type { CgroupFolder, CgroupMembership, LinuxResources } from "../oci/mod.ts";
import type * as V1 from "../proto/cgroups_v1.ts";
import type * as V2 from "../proto/cgroups_v2.ts";
import type { Init } from "../proto/message.ts";
import { errorCode, readFile, writeFile } from "./files.ts";
import type { CgroupLayout } from "./layout.ts";

/** Metrics for task Stats, to be encoded as io.containerd.cgroups.v1.Metrics or v2.Metrics. */
export type CgroupMetrics =
  | { version: 1; metrics: Init<V1.Metrics> }
  | { version: 2; metrics: Init<V2.Metrics> };

/** How long the kernel may take to end, freeze or let go of processes. */
const PATIENCE_MS = 2000;

export abstract class Cgroup {
  abstract readonly version: 1 | 2;
  /** Files to which a process of one thread writes 0 to enter. */
  protected abstract readonly entryFiles: readonly string[];
  protected readonly folders: readonly CgroupFolder[];

  /** `path` is what cgroupPath() answers. Nothing is made or looked at. */
  constructor(readonly layout: CgroupLayout, readonly path: string) {
    this.folders = layout.hierarchies.map(({ controllers, root }) => ({
      controllers,
      path: `${root}${path}`,
    }));
  }

  /** What a sandbox plan needs to know. */
  get membership(): CgroupMembership {
    return { version: this.version, folders: this.folders, entryFiles: this.entryFiles };
  }

  /**
   * Make the cgroup, with limits; all or nothing. Answers the fields of `resources` that were not applied
   * because this version has no such limit.
   * @throws ShimError FailedPrecondition: there is one with processes in it, or the host lacks a controller;
   * InvalidArgument: a limit that cannot be.
   */
  create(resources: LinuxResources): string[] {
    const made: string[] = [];
    try {
      for (const { path } of this.folders) if (makeFolder(path)) made.push(path);
      this.prepare();
      return this.limit(resources, true);
    } catch (error) {
      for (const path of made) removeFolder(path);
      throw error;
    }
  }

  /** Put process `pid` into it, making it without limits unless it is there: for the shim itself. */
  enter(pid: number): void {
    for (const { path } of this.folders) Deno.mkdirSync(path, { recursive: true });
    this.prepare();
    for (const { path } of this.folders) writeFile(`${path}/cgroup.procs`, String(pid));
  }

  /** Change limits; device rules stay. Answers and throws as `create`. */
  update(resources: LinuxResources): string[] {
    return this.limit(resources, false);
  }

  abstract stats(): CgroupMetrics;

  /** Where the kernel says that it has killed a process for want of memory. */
  abstract readonly memoryFolder: string;

  /** Stop every process. @throws ShimError DeadlineExceeded */
  abstract freeze(): Promise<void>;

  /** Let every process go on. @throws ShimError DeadlineExceeded */
  abstract thaw(): Promise<void>;

  /** Pids in the cgroup and those below it, in the reader's pid namespace; none when it is gone. */
  processes(): number[] {
    return processesBelow(this.mainFolder());
  }

  /**
   * End every process in the cgroup. `signal` sends SIGKILL to a pid, and may find it gone.
   * @throws ShimError DeadlineExceeded: some do not end.
   */
  async kill(signal: (pid: number) => void): Promise<void> {
    await this.until("kill the processes of", () => {
      if (this.killAll()) return this.processes().length === 0;
      const pids = this.processes();
      for (const pid of pids) signal(pid);
      return pids.length === 0;
    });
  }

  /**
   * Remove the cgroup and those below it; none of the folders above. No failure when it is gone.
   * @throws ShimError FailedPrecondition: there are processes in it.
   */
  async remove(): Promise<void> {
    let left = this.folders.map(({ path }) => path);
    try {
      await this.until("remove", () => {
        left = left.filter((path) => !removeFolder(path));
        return left.length === 0;
      });
    } catch (cause) {
      const count = this.processes().length;
      throw new ShimError(
        "FailedPrecondition",
        `remove cgroup ${this.path}: busy with ${count} processes`,
        { cause },
      );
    }
  }

  /** Whatever a new cgroup needs before processes can enter. */
  protected abstract prepare(): void;

  protected abstract limit(resources: LinuxResources, isNew: boolean): string[];

  /** The folder whose processes are the container's. */
  protected abstract mainFolder(): string;

  /** Kill with one write, where the kernel can. */
  protected abstract killAll(): boolean;

  /** @throws ShimError DeadlineExceeded: `done` did not become true. */
  protected async until(action: string, done: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (let delayMs = 1; !done(); delayMs = Math.min(delayMs * 2, 50)) {
      if (performance.now() > end) {
        throw new ShimError(
          "DeadlineExceeded",
          `${action} cgroup ${this.path}: not within ${PATIENCE_MS} ms`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}

/** Whether the folder was not there and is now. @throws ShimError FailedPrecondition: there are processes in it. */
function makeFolder(path: string): boolean {
  try {
    Deno.mkdirSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      Deno.mkdirSync(path, { recursive: true });
      return true;
    }
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const count = processesBelow(path).length;
  if (count === 0) return false;
  throw new ShimError("FailedPrecondition", `create cgroup ${path}: ${count} processes are in it`);
}

function processesBelow(folder: string): number[] {
  const pids = (readFile(`${folder}/cgroup.procs`) ?? "").split("\n").filter(Boolean).map(Number);
  return [...pids, ...subfolders(folder).flatMap(processesBelow)];
}

/** Remove a folder and those below; false: something in it is busy. */
function removeFolder(folder: string): boolean {
  try {
    Deno.removeSync(folder);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    // EBUSY of processes as of cgroups below.
    if (!["EBUSY", "ENOTEMPTY"].includes(errorCode(error))) throw error;
  }
  const below = subfolders(folder);
  return below.length > 0 && below.every(removeFolder) && removeFolder(folder);
}

function subfolders(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory).map((entry) =>
      `${folder}/${entry.name}`
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
