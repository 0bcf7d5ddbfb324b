/** One C program, which uses a processor for about a second, compiled for this machine and for WASI. */

import { must } from "../../tests/support/mod.ts";
import { modulePath } from "../modules.ts";
import { Pod, settled, type Template } from "./pod.ts";
import type { Section } from "./report.ts";
import { median } from "./statistics.ts";

const COLUMNS = ["own clock", "Start to exit", "Create to exit"];

/** Milliseconds of one run, as COLUMNS says; of the native program both are from fork to exit. */
type Run = [ownClock: number, fromStart: number, fromCreate: number];

/** What the program says: its checksum and its own time in ms. @throws Error when it is something else */
function parse(output: string): { checksum: string; ms: number } {
  const [, checksum, ms] = /^checksum ([0-9a-f]{8})\nms ([\d.]+)\n$/.exec(output) ?? [];
  if (!checksum) throw new Error(`compute: unexpected output: ${output}`);
  return { checksum, ms: Number(ms) };
}

async function runNative(checksum: string): Promise<Run> {
  const { out, ms } = await must([modulePath("compute")], { timeoutMs: 30_000 });
  const said = parse(out);
  if (said.checksum !== checksum) throw new Error(`compute: ${said.checksum}, in Wasm ${checksum}`);
  return [said.ms, ms, ms];
}

async function runWasm(pod: Pod): Promise<{ times: Run; checksum: string }> {
  const launch = await pod.run(await pod.prepare(["/compute.wasm"]));
  const { calledMs, createdMs, endedMs } = launch;
  const { checksum, ms } = parse(await launch.reader.text);
  return { times: [ms, endedMs - createdMs, endedMs - calledMs], checksum };
}

/** @param rounds of: native, the first run in a new pod, and the second */
export async function measureCompute(template: Template, rounds: number): Promise<Section> {
  const runs: Record<"native" | "first" | "later", Run[]> = { native: [], first: [], later: [] };
  for (let round = 0; round < rounds; round++) {
    const pod = new Pod(template);
    const first = await runWasm(pod);
    runs.native.push(await runNative(first.checksum));
    const later = await runWasm(pod);
    runs.first.push(first.times);
    runs.later.push(later.times);
    await pod.end();
    await settled(template.daemon);
  }
  const medians = (of: Run[]) => COLUMNS.map((_, i) => median(of.map((times) => times[i])));
  const [native, first, later] = [runs.native, runs.first, runs.later].map(medians);
  const ratios = (times: number[]) => times.map((ms, i) => ms / native[i]);
  return {
    title: `A computation, median of ${rounds}, ms`,
    columns: COLUMNS,
    rows: [
      { label: "native", values: native },
      { label: "Wasm, first run in a pod", values: first },
      { label: "Wasm, later run", values: later },
      { label: "first run, to native", values: ratios(first) },
      { label: "later run, to native", values: ratios(later) },
    ],
    claims: [{ name: "computation, to native", value: ratios(later)[1], target: 1.15, unit: "x" }],
  };
}
