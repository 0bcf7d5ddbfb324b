/**
 * Measures the shim, in one containerd beside runc, and says which of its claims hold: as tables on stdout,
 * dist/bench/bench.json and dist/bench/bench.svg. Needs root and a built shim; leaves nothing behind.
 *
 *     deno run -A scripts/bench.ts [--quick]
 *
 * The two sides of a ratio are measured in turns, which evens out slow changes of the machine, not other
 * work on it: measure on an idle one. `--quick` takes fewer rounds. The exit code tells whether all could
 * be measured, not whether the targets were met.
 */

import { Daemon, must } from "../tests/support/mod.ts";
import { writeRoot } from "../tests/support/shim.ts";
import { within } from "../tests/support/wait.ts";
import { chart } from "./bench/chart.ts";
import { measureCompute } from "./bench/compute.ts";
import { measureCtrRun } from "./bench/ctr_run.ts";
import { measureContainerMemory, measurePodMemory } from "./bench/memory.ts";
import { measureManyNativePods, measureNativePods, nativeShims } from "./bench/native.ts";
import type { Template } from "./bench/pod.ts";
import {
  claimsText,
  type Facts,
  factsText,
  type Report,
  reportJson,
  type Section,
  sectionText,
} from "./bench/report.ts";
import { measureFirst, measureStarts, measureThroughput } from "./bench/starts.ts";
import { measureWasi } from "./bench/wasi.ts";
import { buildModules } from "./modules.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const SHIM_DIR = `${ROOT}dist`;
const OUT = `${ROOT}dist/bench`;
/** A run takes less than half of it. */
const TIMEOUT_MS = 480_000;

/** How much is measured. */
interface Rounds {
  ctrRun: number;
  starts: number;
  throughput: number;
  furtherContainers: number;
  pods: number[];
  compute: number;
  wasi: number;
  nativePods: number;
  manyNativePods: number[];
}

/** The load, per processor, above which figures say little. */
const BUSY = 0.5;

const FULL: Rounds = {
  ctrRun: 30,
  starts: 30,
  throughput: 96,
  furtherContainers: 10,
  pods: [1, 10, 50],
  compute: 5,
  wasi: 5,
  nativePods: 8,
  manyNativePods: [1, 10, 50],
};
const QUICK: Rounds = {
  ctrRun: 5,
  starts: 5,
  throughput: 16,
  furtherContainers: 3,
  pods: [1, 3],
  compute: 1,
  wasi: 1,
  nativePods: 2,
  manyNativePods: [1, 3],
};

async function machine(daemon: Daemon): Promise<Facts> {
  /** "containerd github.com/containerd/containerd 1.7.24 REVISION", "runc version 1.1.5". */
  const version = async (name: string) =>
    (await daemon.exec([name, "--version"])).out.split(/\s/)[2] ?? "none";
  const shim = await must([`${SHIM_DIR}/containerd-shim-deno-v1`, "-v"]);
  const field = (name: string) => new RegExp(`^ *${name}: *(.*)$`, "m").exec(shim.out)?.[1] ?? "";
  const cpuinfo = await Deno.readTextFile("/proc/cpuinfo");
  return {
    cpu: /^model name\s*: (.*)$/m.exec(cpuinfo)?.[1] ?? Deno.build.arch,
    cores: String(navigator.hardwareConcurrency),
    memory: `${(Deno.systemMemoryInfo().total / 1e9).toFixed(1)} GB`,
    kernel: Deno.osRelease(),
    load: Deno.loadavg().map((load) => load.toFixed(2)).join(" "),
    containerd: await version("containerd"),
    runc: await version("runc"),
    crun: await version("crun"),
    shim: `${field("Version")} ${field("Revision")}`,
    runtime: field("Runtime"),
    v8: field("V8"),
  };
}

/** Measures everything, printing each table when it is there. */
async function measure(daemon: Daemon, quick: boolean): Promise<Report> {
  const beginMs = performance.now();
  const startedAt = new Date().toISOString();
  const rounds = quick ? QUICK : FULL;
  const facts = await machine(daemon);
  console.log(factsText(facts));
  const spec = JSON.parse((await daemon.mustCtr(["oci", "spec"])).out);
  const template: Template = { daemon, spec, root: await writeRoot(daemon) };
  const shims = await nativeShims(daemon);
  const sections: Section[] = [];
  const steps: Record<string, () => Promise<Section>> = {
    "ctr run": () => measureCtrRun(daemon, rounds.ctrRun),
    "first start": () => measureFirst(template, rounds.starts),
    "starts": () => measureStarts(template, rounds.starts),
    "throughput": () => measureThroughput(template, rounds.throughput),
    "container memory": () => measureContainerMemory(template, rounds.furtherContainers),
    "pod memory": () => measurePodMemory(template, rounds.pods),
    "computation": () => measureCompute(template, rounds.compute),
    "wasi": () => measureWasi(rounds.wasi),
    "native pods": () => measureNativePods(template, shims, rounds.nativePods),
    "many native pods": () => measureManyNativePods(template, shims, rounds.manyNativePods),
  };
  for (const [name, step] of Object.entries(steps)) {
    const section = await step().catch((cause) => {
      throw new Error(`${name}: ${cause.message}`, { cause });
    });
    console.log(`\n${sectionText(section)}`);
    sections.push(section);
  }
  const seconds = Math.round((performance.now() - beginMs) / 1000);
  return { startedAt, seconds, quick, machine: facts, sections };
}

async function bench(quick: boolean): Promise<void> {
  await buildModules();
  const busy = Deno.loadavg()[0] / navigator.hardwareConcurrency > BUSY;
  await using daemon = await Daemon.start({ version: "1.7", shimDir: SHIM_DIR });
  const report = await within("the benchmark", measure(daemon, quick), TIMEOUT_MS);
  const details = report.sections.filter(({ claims }) => claims.length === 0);
  await Deno.mkdir(OUT, { recursive: true });
  await Deno.writeTextFile(`${OUT}/bench.json`, reportJson(report));
  await Deno.writeTextFile(`${OUT}/bench.svg`, chart(report, details));
  console.log(`\n${claimsText(report.sections.flatMap(({ claims }) => claims))}`);
  if (busy) {
    console.log("\nThe machine was busy when this began: see load. The figures say little.");
  }
  console.log(`\n${report.seconds} s; dist/bench/bench.json, dist/bench/bench.svg`);
}

if (import.meta.main) {
  if (Deno.args.some((arg) => arg !== "--quick")) {
    console.error("usage: bench.ts [--quick]");
    Deno.exit(2);
  }
  if (Deno.uid() !== 0) {
    console.error("bench: root is needed: containerd starts only as root");
    Deno.exit(1);
  }
  try {
    await bench(Deno.args.includes("--quick"));
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
  Deno.exit(0); // though a FIFO that nobody opened may still be waited for
}
