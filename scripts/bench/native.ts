/** Pods of native containers: this shim, as it may be configured, against runc's. */

import type { Daemon } from "../../tests/support/mod.ts";
import { waitFor } from "../../tests/support/wait.ts";
import { Options } from "../../src/proto/runc_options.ts";
import { CONFIG, type Memory, memoryOf } from "./memory.ts";
import {
  endPod,
  type NativePod,
  preparePod,
  type Shim,
  shimsEnded,
  startPod,
  type Steps,
} from "./native_pod.ts";
import { inParallel } from "./parallel.ts";
import type { Template } from "./pod.ts";
import type { Section } from "./report.ts";
import { othersOf, type Starter, startStarter } from "./starter.ts";
import { median, summary, SUMMARY_COLUMNS } from "./statistics.ts";

const DENO = "containerd-shim-deno-v1";
const RUNC = "containerd-shim-runc-v2";
/** How many pods are made, or ended, at a time. */
const PARALLEL = 4;
/** How long no process may begin or end before memory is measured. */
const QUIET_MS = 200;

/** The shims in question, this one's default first and runc's last. */
export async function nativeShims(daemon: Daemon): Promise<[Shim, ...Shim[], Shim]> {
  // In the order in which this shim looks for them.
  const { out } = await daemon.exec(["sh", "-c", "command -v crun runc youki | head -n 1"]);
  const choice = out.trim().split("/").at(-1);
  const value = Options.encode({ binaryName: "runc" });
  return [
    { label: `deno.v1, its choice (${choice})`, program: DENO },
    { label: "deno.v1, runc", program: DENO, options: { typeUrl: Options.name, value } },
    {
      label: `deno.v1, node grouping (${choice})`,
      program: DENO,
      config: 'grouping = "node"\nidle_seconds = 0\n',
      shared: true,
    },
    { label: "runc.v2, runc", program: RUNC },
  ];
}

/** Does `work` with a starter and the shim's configuration in place, to begin and end without a shim. */
async function withShim<T>(
  { daemon }: Template,
  { label, config }: Shim,
  work: (starter: Starter) => Promise<T>,
): Promise<T> {
  if (config !== undefined) await Deno.writeTextFile(daemon.path(CONFIG), config);
  try {
    await using starter = startStarter(daemon);
    const result = await work(starter);
    await shimsEnded(daemon);
    return result;
  } catch (cause) {
    throw new Error(`${label}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  } finally {
    if (config !== undefined) await Deno.remove(daemon.path(CONFIG));
  }
}

/** One pod, from nothing; of a shim whose pods share a supervisor, beside one that runs already. */
function runPod(template: Template, shim: Shim): Promise<NativePod> {
  return withShim(template, shim, async (starter) => {
    const start = async () => startPod(template, starter, shim, await preparePod(template));
    const neighbour = shim.shared ? await start() : undefined;
    const pod = await start();
    await endPod(template, pod);
    if (neighbour) await endPod(template, neighbour);
    return pod;
  });
}

/** What a pod took. */
export type PodTimes = Pick<NativePod, "ms"> & Record<"pause" | "sidecar", { steps: Steps }>;

/** The parts of it; the first Create waits for what the shim does besides after `start`. */
const PARTS: [string, (pod: PodTimes) => number][] = [
  ["start", ({ pause }) => pause.steps.start],
  ["Create", ({ pause }) => pause.steps.create],
  ["Start", ({ pause }) => pause.steps.run],
  ["2nd start", ({ sidecar }) => sidecar.steps.start],
  ["2nd Create", ({ sidecar }) => sidecar.steps.create],
  ["2nd Start", ({ sidecar }) => sidecar.steps.run],
];

/** @param rounds pods of each shim, after one that warms up; the shims take turns in being first */
export async function measureNativePods(
  template: Template,
  shims: readonly Shim[],
  rounds: number,
): Promise<Section> {
  for (const shim of shims) await runPod(template, shim);
  const pods = shims.map((): NativePod[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < shims.length; turn++) {
      const i = (round + turn) % shims.length;
      pods[i].push(await runPod(template, shims[i]));
    }
  }
  return podSection(shims, pods);
}

/** @param pods of each of the shims */
export function podSection(
  shims: readonly Pick<Shim, "label">[],
  pods: readonly (readonly PodTimes[])[],
): Section {
  const times = pods.map((of) => of.map(({ ms }) => ms));
  return {
    title: `A pod of pause and sidecar, ${pods[0].length} each in turn, ms`,
    columns: [...SUMMARY_COLUMNS, ...PARTS.map(([name]) => name)],
    rows: shims.map(({ label }, i) => ({
      label,
      values: [...summary(times[i]), ...PARTS.map(([, part]) => median(pods[i].map(part)))],
    })),
    claims: [{
      name: "time to running of a pod, to runc's shim",
      value: firstToLast(times.map(median)),
      target: 1,
      unit: "x",
    }],
  };
}

/** This shim by default, to runc's. */
function firstToLast(values: readonly number[]): number {
  return values[0] / values[values.length - 1];
}

/** What some pods took until all of them ran, and what their shims' processes take then. */
export interface Many {
  ms: number;
  memory: Memory;
}

function runMany(template: Template, shim: Shim, count: number): Promise<Many> {
  return withShim(template, shim, async (starter) => {
    const prepared = [];
    for (let i = 0; i < count; i++) prepared.push(await preparePod(template));
    const beganMs = performance.now();
    const pods = await inParallel(
      prepared,
      PARALLEL,
      (pod) => startPod(template, starter, shim, pod),
    );
    const ms = performance.now() - beganMs;
    const memory = memoryOf(template.daemon, await shimProcesses(template.daemon, pods));
    await inParallel(pods, PARALLEL, (pod) => endPod(template, pod));
    return { ms, memory };
  });
}

/** Whatever runs for the sake of `pods` but is none of their processes, once it is the same for a while. */
async function shimProcesses(daemon: Daemon, pods: readonly NativePod[]): Promise<number[]> {
  const containers = new Set(pods.flatMap(({ pause, sidecar }) => [pause.pid, sidecar.pid]));
  let before = "";
  let sinceMs = 0;
  const pids = await waitFor("shims to be quiet", () => {
    const pids = othersOf(daemon);
    if (pids.join() !== before) {
      before = pids.join();
      sinceMs = performance.now();
    }
    return performance.now() - sinceMs >= QUIET_MS && pids;
  });
  return pids.filter((pid) => !containers.has(pid));
}

/** @param steps numbers of pods, ascending */
export async function measureManyNativePods(
  template: Template,
  shims: readonly Shim[],
  steps: readonly number[],
): Promise<Section> {
  const many: Many[][] = [];
  for (const step of steps) {
    const row = [];
    for (const shim of shims) row.push(await runMany(template, shim, step));
    many.push(row);
  }
  return manySection(shims, steps, many);
}

/** @param many for each of `steps`, of each of the shims */
export function manySection(
  shims: readonly Pick<Shim, "label">[],
  steps: readonly number[],
  many: readonly (readonly Many[])[],
): Section {
  const rows = steps.flatMap((step, i) =>
    shims.map(({ label }, j) => {
      const { ms, memory: { pss, own } } = many[i][j];
      return {
        label: `${label}, ${step} ${step === 1 ? "pod" : "pods"}`,
        values: [ms, ms / step, pss / step, own / step],
      };
    })
  );
  return {
    title: `Pods of pause and sidecar, ${PARALLEL} at a time`,
    columns: ["until all run, ms", "per pod, ms", "shims' PSS per pod, MB", "private, MB"],
    rows,
    claims: [{
      name: `shim memory per pod of ${steps[steps.length - 1]}, to runc's shim`,
      value: firstToLast(many[steps.length - 1].map(({ memory }) => memory.pss)),
      target: 1,
      unit: "x",
    }],
  };
}
