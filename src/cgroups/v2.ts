/** A container's cgroup in the hierarchy of version 2. */

import type { LinuxResources } from "../oci/mod.ts";
import { Cgroup, type CgroupMetrics } from "./cgroup.ts";
import { errorCode, readFile, readKeys, writeFile, writeLimit } from "./files.ts";
import { limitsV2, notAppliedV2 } from "./limits_v2.ts";
import { metricsV2 } from "./stats_v2.ts";

export class CgroupV2 extends Cgroup {
  readonly version = 2;

  protected get entryFiles(): string[] {
    return [`${this.mainFolder()}/cgroup.procs`];
  }

  stats(): CgroupMetrics {
    return { version: 2, metrics: metricsV2(this.mainFolder()) };
  }

  get memoryFolder(): string {
    return this.mainFolder();
  }

  freeze(): Promise<void> {
    return this.#setFrozen(1n);
  }

  thaw(): Promise<void> {
    return this.#setFrozen(0n);
  }

  async #setFrozen(frozen: bigint): Promise<void> {
    const folder = this.mainFolder();
    writeLimit(folder, { field: "freezer", file: "cgroup.freeze", value: String(frozen) });
    await this.until(frozen ? "freeze" : "thaw", () => {
      return readKeys(`${folder}/cgroup.events`)("frozen") === frozen;
    });
  }

  /** Every controller of the root, in each folder down to the container's. */
  protected prepare(): void {
    const [{ root }] = this.layout.hierarchies;
    const available = words(readFile(`${root}/cgroup.controllers`));
    const parts = this.path.split("/").slice(0, -1);
    parts.forEach((_, index) => {
      enable(`${root}${parts.slice(0, index + 1).join("/")}/cgroup.subtree_control`, available);
    });
  }

  protected limit(resources: LinuxResources): string[] {
    for (const limit of limitsV2(resources)) writeLimit(this.mainFolder(), limit);
    return notAppliedV2(resources);
  }

  protected mainFolder(): string {
    return this.folders[0].path;
  }

  /** Since Linux 5.14. */
  protected killAll(): boolean {
    try {
      writeFile(`${this.mainFolder()}/cgroup.kill`, "1");
      return true;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    }
  }
}

/**
 * One write for all that is missing. A controller that cannot be had here must not cost the others: then one by one,
 * and a limit that needs what is still missing says so.
 */
function enable(file: string, available: string[]): void {
  const enabled = words(readFile(file));
  const missing = available.filter((name) => !enabled.includes(name)).map((name) => `+${name}`);
  if (missing.length === 0) return;
  try {
    writeFile(file, missing.join(" "));
  } catch {
    for (const each of missing) {
      try {
        writeFile(file, each);
      } catch {
        continue;
      }
    }
  }
}

function words(text = ""): string[] {
  return text.split(" ").filter(Boolean);
}
