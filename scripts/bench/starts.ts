/** How fast, and how many at a time, containers start in a pod that runs already. */

import { inParallel } from "./parallel.ts";
import type { Section } from "./report.ts";
import {
  type FinishedLaunch,
  type Launch,
  Pod,
  type Prepared,
  settled,
  type Template,
} from "./pod.ts";
import { median, summary, SUMMARY_COLUMNS } from "./statistics.ts";

const HELLO = ["/hello.wasm"];
/** Runs until it is killed, as the first container of a pod does. */
export const DAEMON = ["/wasi-demo-app.wasm", "daemon"];

function toFirstByteMs({ calledMs, firstByteMs }: Launch): number {
  return firstByteMs - calledMs;
}

/** The parts of a start: what the caller waits for, and the sum. */
const PARTS: [string, (launch: Launch) => number][] = [
  ["Create", ({ calledMs, createdMs }) => createdMs - calledMs],
  ["Start", ({ createdMs, startedMs }) => startedMs - createdMs],
  ["Create and Start", ({ calledMs, startedMs }) => startedMs - calledMs],
  ["Create to first byte", toFirstByteMs],
];

/**
 * Containers of one pod, one after the other: by turns one that joins the namespaces of the first
 * container, as in Kubernetes, and one in namespaces of its own, as `ctr` makes them.
 * @param rounds containers of each kind
 */
export async function measureStarts(template: Template, rounds: number): Promise<Section> {
  const pod = new Pod(template);
  await pod.launch(await pod.prepare(DAEMON));
  await pod.run(await pod.prepare(HELLO)); // compiles the module
  const joined: Launch[] = [];
  const separate: Launch[] = [];
  for (let i = 0; i < rounds; i++) {
    joined.push(await pod.run(await pod.prepare(HELLO, { join: true })));
    separate.push(await pod.run(await pod.prepare(HELLO)));
  }
  await pod.end();
  await settled(template.daemon);
  return {
    title: `A further container of a pod, ${rounds} each in turn, ms`,
    columns: SUMMARY_COLUMNS,
    rows: [...rows("pod's namespaces", joined), ...rows("own namespaces", separate)],
    claims: [{
      name: "Create to first byte, in a pod",
      value: median(joined.map(toFirstByteMs)),
      target: 15,
      unit: "ms",
    }],
  };
}

/** The parts of the first container's life: what a pod of one container waits for, in order. */
const FIRST_PARTS: [string, (launch: FinishedLaunch) => number][] = [
  ["the shim's start", ({ beganMs, calledMs }) => calledMs - beganMs],
  ["Create", ({ calledMs, createdMs }) => createdMs - calledMs],
  ["Start", ({ createdMs, startedMs }) => startedMs - createdMs],
  ["to its end", ({ startedMs, endedMs }) => endedMs - startedMs],
  ["Delete", ({ endedMs, deletedMs }) => deletedMs - endedMs],
  ["all", ({ beganMs, deletedMs }) => deletedMs - beganMs],
];

/** Pods of one container: where the time of `ctr run` goes. */
export async function measureFirst(template: Template, rounds: number): Promise<Section> {
  const launches: FinishedLaunch[] = [];
  for (let i = 0; i < rounds; i++) {
    const pod = new Pod(template);
    launches.push(await pod.run(await pod.prepare(HELLO)));
    await pod.end();
    await settled(template.daemon);
  }
  return {
    title: `The only container of a pod, ${rounds} in turn, ms`,
    columns: SUMMARY_COLUMNS,
    rows: FIRST_PARTS.map(([label, part]) => ({ label, values: summary(launches.map(part)) })),
    claims: [],
  };
}

function rows(kind: string, launches: readonly Launch[]): Section["rows"] {
  return PARTS.map(([part, duration]) => ({
    label: `${kind}: ${part}`,
    values: summary(launches.map(duration)),
  }));
}

const PARALLEL = [1, 4, 16];

/** Containers per second in one pod, from Create to Delete, some at a time. */
export async function measureThroughput(template: Template, containers: number): Promise<Section> {
  const pod = new Pod(template);
  await pod.launch(await pod.prepare(DAEMON));
  await pod.run(await pod.prepare(HELLO));
  const rows = [];
  for (const parallel of PARALLEL) {
    const waiting: Prepared[] = [];
    for (let i = 0; i < containers; i++) waiting.push(await pod.prepare(HELLO, { join: true }));
    const beginMs = performance.now();
    await inParallel(waiting, parallel, (container) => pod.run(container));
    const seconds = (performance.now() - beginMs) / 1000;
    rows.push({ label: `${parallel} at a time`, values: [containers / seconds] });
  }
  await pod.end();
  await settled(template.daemon);
  return {
    title: `Containers in one pod, ${containers} from Create to Delete`,
    columns: ["per second"],
    rows,
    claims: [],
  };
}
