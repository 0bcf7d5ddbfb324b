/** What containers and pods cost in memory, in MB of 10^6 bytes. */

import type { Daemon } from "../../tests/support/mod.ts";
import { hasEnded } from "../../tests/support/command.ts";
import { monitorOf, supervisors, zygotes } from "../../tests/support/shim.ts";
import { Pod, settled, type Template } from "./pod.ts";
import type { Section } from "./report.ts";
import { DAEMON } from "./starts.ts";

export const CONFIG = "/etc/denowasi/config.toml";

/**
 * Memory of processes. `pss` divides each shared page by the number of processes that share it, so
 * that sums are what the machine has given; `own` is of pages that nothing else shares.
 */
export interface Memory {
  pss: number;
  own: number;
}

/** The sum over the processes `pids` of smaps_rollup, see proc(5); nothing for one that has ended. */
export function memoryOf(daemon: Daemon, pids: readonly number[]): Memory {
  const sum = { pss: 0, own: 0 };
  for (const pid of pids) {
    const text = readUnlessEnded(daemon.path(`/proc/${pid}/smaps_rollup`));
    for (const [, name, kibibytes] of text.matchAll(/^(\w+): +(\d+) kB$/gm)) {
      const megabytes = Number(kibibytes) * 1024 / 1e6;
      if (name === "Pss") sum.pss += megabytes;
      if (name === "Private_Clean" || name === "Private_Dirty") sum.own += megabytes;
    }
  }
  return sum;
}

function readUnlessEnded(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    // A process that nobody has waited for yet has no memory: ESRCH of read(2), which Deno gives no code.
    if (hasEnded(error) || /\(os error 3\)/.test(String(error))) return "";
    throw error;
  }
}

/** Every process but containerd: shims and containers. */
function everything(daemon: Daemon): Memory {
  const shims = daemon.processes().filter(({ comm }) => comm !== "containerd");
  return memoryOf(daemon, shims.map(({ pid }) => pid));
}

/**
 * What each further container of a pod costs: by how much the memory of its containers and of the
 * zygote, with which they share most of it, grows. The supervisor's own growth is mostly garbage.
 */
export async function measureContainerMemory(
  template: Template,
  further: number,
): Promise<Section> {
  const { daemon } = template;
  const pod = new Pod(template);
  const pids: number[][] = [];
  const launch = async () => {
    const { pid } = await pod.launch(await pod.prepare(DAEMON, { join: pids.length > 0 }));
    pids.push([pid, monitorOf(daemon, pid).pid]);
  };
  const measure = () => ({
    supervisor: memoryOf(daemon, supervisors(daemon).map(({ pid }) => pid)),
    others: memoryOf(daemon, [...zygotes(daemon).map(({ pid }) => pid), ...pids.flat()]),
  });
  await launch();
  const one = measure();
  for (let i = 0; i < further; i++) await launch();
  const all = measure();
  const containers = memoryOf(daemon, pids.flat());
  await pod.end();
  await settled(daemon);

  const row = (label: string, { pss, own }: Memory, count: number) => ({
    label,
    values: [pss / count, own / count],
  });
  const growth = difference(all.others, one.others);
  return {
    title: "A sleeping container, MB",
    columns: ["PSS", "private"],
    rows: [
      row(`init and monitor, average of ${pids.length}`, containers, pids.length),
      row("growth of inits, monitors, zygote", growth, further),
      row("growth of the supervisor", difference(all.supervisor, one.supervisor), further),
    ],
    claims: [
      { name: "PSS per further container", value: growth.pss / further, target: 4, unit: "MB" },
    ],
  };
}

function difference(after: Memory, before: Memory): Memory {
  return { pss: after.pss - before.pss, own: after.own - before.own };
}

/**
 * Supervisors and zygotes of pods with a sleeping container each, in both groupings. What a zygote
 * shares with the container that it forked is not private, and counts half in its PSS.
 * @param steps numbers of pods, ascending
 */
export async function measurePodMemory(
  template: Template,
  steps: readonly number[],
): Promise<Section> {
  const { daemon } = template;
  const rows = [];
  for (const grouping of ["sandbox", "node"]) {
    const config = `grouping = "${grouping}"\nidle_seconds = 1\n`;
    await Deno.writeTextFile(daemon.path(CONFIG), config);
    const pods: Pod[] = [];
    for (const step of steps) {
      while (pods.length < step) {
        const pod = new Pod(template);
        await pod.launch(await pod.prepare(DAEMON));
        pods.push(pod);
      }
      const [supervisor, zygote] = [supervisors(daemon), zygotes(daemon)].map((processes) =>
        memoryOf(daemon, processes.map(({ pid }) => pid))
      );
      const both = supervisor.pss + zygote.pss;
      const container = everything(daemon).pss - both;
      const sums = [both, supervisor.own + zygote.own, supervisor.pss, zygote.pss, container];
      rows.push({
        label: `${grouping}, ${step} ${step === 1 ? "pod" : "pods"}`,
        values: sums.map((sum) => sum / step),
      });
    }
    for (const pod of pods) await pod.end();
    await settled(daemon);
  }
  await Deno.remove(daemon.path(CONFIG));
  return {
    title: "Supervisor and zygote per pod, MB",
    columns: ["PSS", "private", "supervisor PSS", "zygote PSS", "the container's PSS"],
    rows,
    claims: [],
  };
}
