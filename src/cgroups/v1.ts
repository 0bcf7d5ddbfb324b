/** A container's cgroup in the hierarchies of version 1. */

import type { LinuxResources } from "../oci/mod.ts";
import { Cgroup, type CgroupMetrics } from "./cgroup.ts";
import { deviceLimits } from "./devices_v1.ts";
import { readFile, UNLIMITED, writeFile, writeLimit } from "./files.ts";
import type { CgroupLayout } from "./layout.ts";
import { limitsV1 } from "./limits_v1.ts";
import { metricsV1 } from "./stats_v1.ts";

export class CgroupV1 extends Cgroup {
  readonly version = 1;
  readonly #byController: ReadonlyMap<string, string>;

  constructor(layout: CgroupLayout, path: string) {
    super(layout, path);
    this.#byController = new Map(
      this.folders.flatMap(({ controllers, path }) => controllers.map((name) => [name, path])),
    );
  }

  /**
   * `tasks` takes a thread, which for a process of one thread, as init is, comes to the same as `cgroup.procs` but
   * for time: moving itself, a thread needs no lock against forks elsewhere, which takes an RCU grace period of
   * milliseconds to get (cgroup_procs_write_start() in the kernel).
   */
  protected get entryFiles(): string[] {
    return this.folders.map(({ path }) => `${path}/tasks`);
  }

  stats(): CgroupMetrics {
    return { version: 1, metrics: metricsV1((name) => this.#byController.get(name)) };
  }

  get memoryFolder(): string {
    return this.#byController.get("memory") ?? this.folders[0].path;
  }

  freeze(): Promise<void> {
    return this.#freezer("FROZEN");
  }

  thaw(): Promise<void> {
    return this.#freezer("THAWED");
  }

  /** The kernel may have to be told again until every process has stopped. */
  async #freezer(state: "FROZEN" | "THAWED"): Promise<void> {
    const folder = this.#byController.get("freezer");
    await this.until(state === "FROZEN" ? "freeze" : "thaw", () => {
      writeLimit(folder, { field: "freezer", file: "freezer.state", value: state });
      return readFile(`${folder}/freezer.state`) === state;
    });
  }

  protected prepare(): void {
    const cpuset = this.layout.hierarchies.find(({ controllers }) =>
      controllers.includes("cpuset")
    );
    if (!cpuset) return;
    for (const file of ["cpuset.cpus", "cpuset.mems"]) inherit(cpuset.root, this.path, file);
  }

  protected limit(resources: LinuxResources, isNew: boolean): string[] {
    const memory = isNew ? undefined : this.#byController.get("memory");
    const now = memory && readFile(`${memory}/memory.limit_in_bytes`);
    const limits = limitsV1(resources, now ? BigInt(now) : UNLIMITED);
    if (isNew && this.#byController.has("devices")) limits.push(...deviceLimits(resources.devices));
    for (const each of limits) {
      writeLimit(this.#byController.get(each.file.slice(0, each.file.indexOf("."))), each);
    }
    return [];
  }

  protected mainFolder(): string {
    return this.#byController.get("devices") ?? this.folders[0].path;
  }

  /** A frozen process ends only when it is let go. */
  protected killAll(): boolean {
    const freezer = this.#byController.get("freezer");
    const state = freezer && readFile(`${freezer}/freezer.state`);
    if (state && state !== "THAWED") writeFile(`${freezer}/freezer.state`, "THAWED");
    return false;
  }
}

/** A new cpuset has no processors, and lets nobody in: give it those of its parent, and the parent its parent's. */
function inherit(root: string, path: string, file: string): string {
  const own = readFile(`${root}${path}/${file}`) ?? "";
  if (own !== "" || path === "") return own;
  const inherited = inherit(root, path.slice(0, path.lastIndexOf("/")), file);
  writeFile(`${root}${path}/${file}`, inherited);
  return inherited;
}
