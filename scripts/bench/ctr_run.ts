/** What a user sees: `ctr run --rm` from its beginning to its end, under this shim and under runc's. */

import type { Daemon } from "../../tests/support/mod.ts";
import { buildImage, file, moduleImage, symlink } from "../image.ts";
import { modulePath } from "../modules.ts";
import type { Section } from "./report.ts";
import { median, summary, SUMMARY_COLUMNS } from "./statistics.ts";

const MODULE = "localhost/denowasi/bench-hello:latest";
const BUSYBOX = "localhost/denowasi/bench-busybox:latest";
const RUNTIMES = {
  deno: { runtime: "io.containerd.deno.v1", image: MODULE, args: [], out: "hello world" },
  runc: { runtime: "io.containerd.runc.v2", image: BUSYBOX, args: ["echo", "hello"], out: "hello" },
};
type Runtime = keyof typeof RUNTIMES;

/** Times a command inside the daemon, where nsenter and setpriv do not count. */
const TIMER = 'a=$EPOCHREALTIME; out=$("$@"); code=$?; b=$EPOCHREALTIME; echo "$code $a $b $out"';

/** Imports the two images and runs each once, unmeasured: it is then unpacked and in the page cache. */
async function prepare(daemon: Daemon): Promise<void> {
  const hello = await Deno.readFile(modulePath("hello.wasm"));
  await daemon.importImage(await moduleImage(MODULE, "hello.wasm", hello));
  const busybox = file("/bin/busybox", await Deno.readFile("/bin/busybox"), 0o755);
  await daemon.importImage(
    await buildImage({
      ref: BUSYBOX,
      layers: [[busybox, symlink("/bin/echo", "busybox")]],
      config: { Env: ["PATH=/bin"] },
    }),
  );
  for (const name of ["deno", "runc"] as const) await timeRun(daemon, name, `warm-up-${name}`);
}

/** Milliseconds of one container. @throws Error unless it says hello and exits with 0 */
async function timeRun(daemon: Daemon, name: Runtime, id: string): Promise<number> {
  const { runtime, image, args, out } = RUNTIMES[name];
  const run = ["ctr", "run", "--rm", "--runtime", runtime, image, id, ...args];
  const result = await daemon.exec(["bash", "-c", TIMER, "timer", ...run], {
    env: { LC_ALL: "C" }, // for the decimal point
    timeoutMs: 30_000,
  });
  const [, code, begin, end, said] = /^(\d+) (\S+) (\S+) (.*)\n$/.exec(result.out) ?? [];
  if (code !== "0" || said !== out) {
    throw new Error(`ctr run under ${runtime}: ${result.out}${result.err}`);
  }
  return (Number(end) - Number(begin)) * 1000;
}

/** @param rounds containers of each, which take turns in being first */
export async function measureCtrRun(daemon: Daemon, rounds: number): Promise<Section> {
  await prepare(daemon);
  const samples: Record<Runtime, number[]> = { deno: [], runc: [] };
  for (let round = 0; round < rounds; round++) {
    const order = ["deno", "runc"] as const;
    for (const name of round % 2 ? order.toReversed() : order) {
      samples[name].push(await timeRun(daemon, name, `run-${name}-${round}`));
    }
  }
  const ratio = median(samples.deno) / median(samples.runc);
  return {
    title: `ctr run --rm, ${rounds} each in turn, ms`,
    columns: SUMMARY_COLUMNS,
    rows: [
      { label: "deno.v1, hello.wasm", values: summary(samples.deno) },
      { label: "runc.v2, busybox echo", values: summary(samples.runc) },
    ],
    claims: [{ name: "ctr run --rm, to runc", value: ratio, target: 1, unit: "x" }],
  };
}
