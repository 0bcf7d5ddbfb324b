/**
 * Shows the shim at work: a private containerd (this machine's version), the demo image, and a container
 * for each of a few commands, with its output, exit code and time. Checks what it shows: the exit code
 * is 1 when something is not as it should be. Leaves nothing running, mounted or behind. Needs root.
 */

import { busyboxImage } from "../tests/support/images.ts";
import { Daemon, type Result } from "../tests/support/mod.ts";
import { moduleImage } from "./image.ts";
import { buildModules, modulePath } from "./modules.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const IMAGE = "localhost/denowasi/wasi-demo-app:latest";
const MODULE = "wasi-demo-app.wasm";
const NATIVE_IMAGE = "localhost/denowasi/busybox:latest";
/** What makes a pod of containers, as Kubernetes' annotation does. */
const POD = ["--annotation", "io.containerd.runc.v2.group=pod"];

/** Where the demo's containers run. */
export interface DemoOptions {
  /** Folder of the shim. */
  shimDir: string;
  /** containerd's name for it. */
  runtime: string;
  /** The image, as `ctr image import` takes it: IMAGE with the module. */
  image: Uint8Array;
}

/** What a container must show. */
interface Expected {
  code: number;
  out: string | RegExp;
  err: string;
  atLeastMs?: number;
}

/** Runs the demo and prints it; returns what was not as expected. */
export async function demo({ shimDir, runtime, image }: DemoOptions): Promise<string[]> {
  const problems: string[] = [];
  await using daemon = await Daemon.start({ version: "system", shimDir });
  const version = (await daemon.exec(["containerd", "--version"])).out.trim();
  console.log(`A private containerd runs: ${version}`);
  await daemon.importImage(image);
  await daemon.importImage(await busyboxImage(NATIVE_IMAGE));
  console.log(`Imported ${IMAGE} and ${NATIVE_IMAGE}`);

  const flags = ["run", "--rm", "--runtime", runtime];
  const line = (
    id: string,
    command: string[],
    more: string[] = [],
  ) => [...flags, ...more, IMAGE, id, `/${MODULE}`, ...command];
  const show = (args: string[], result: Result, expected: Expected) => {
    console.log(`\n$ ctr ${args.join(" ")}`);
    if (result.out + result.err !== "") console.log((result.out + result.err).trimEnd());
    console.log(`(exit code ${result.code}, ${result.ms.toFixed(0)} ms)`);
    const problem = compare(result, expected);
    if (problem) problems.push(`ctr ${args.join(" ")}: ${problem}`);
  };
  const run = async (id: string, command: string[], expected: Expected) => {
    const args = line(id, command);
    show(args, await daemon.ctr(args), expected);
  };

  await run("demo-1", ["echo", "hello"], { code: 0, out: "hello\n", err: "exiting\n" });
  await run("demo-2", ["exit", "42"], { code: 42, out: "", err: "" });
  await run("demo-3", ["sleep", "1.5"], { code: 0, out: "", err: "exiting\n", atLeastMs: 1500 });

  const args = line("demo-4", ["daemon"], POD);
  const song = daemon.spawnCtr(args, { timeoutMs: 30_000 });
  const exec = ["task", "exec", "--exec-id", "e1", "demo-4", `/${MODULE}`, "echo", "from inside"];
  const beside = [...flags, ...POD, NATIVE_IMAGE, "demo-5", "echo", "native, in the same pod"];
  const kill = ["task", "kill", "--signal", "SIGTERM", "demo-4"];
  try {
    await song.waitForOutput("just because...\n");
    const inside = { code: 0, out: "from inside\n", err: "exiting\n" };
    show(exec, await daemon.ctr(exec), inside);
    const native = { code: 0, out: "native, in the same pod\n", err: "" };
    show(beside, await daemon.ctr(beside), native);
    show(kill, await daemon.ctr(kill), { code: 0, out: "", err: "" });
    show(args, await song.result, { code: 143, out: /^This is a song that never ends\./, err: "" });
  } finally {
    song.kill();
    await song.result.catch(() => {});
  }
  if (problems.length > 0) console.error(`\ncontainerd's log ends:\n${await logEnd(daemon)}`);
  return problems;
}

/** How the result differs, or undefined. */
function compare(result: Result, expected: Expected): string | undefined {
  const { code, out, err, atLeastMs = 0 } = expected;
  if (result.code !== code) return `exit code ${result.code} instead of ${code}`;
  if (typeof out === "string" ? result.out !== out : !out.test(result.out)) {
    return `stdout ${JSON.stringify(result.out)} instead of ${out}`;
  }
  if (result.err !== err) return `stderr ${JSON.stringify(result.err)} instead of ${err}`;
  if (result.ms < atLeastMs) return `took ${result.ms} ms, less than ${atLeastMs}`;
}

async function logEnd(daemon: Daemon): Promise<string> {
  return (await daemon.log()).split("\n").slice(-20).join("\n");
}

if (import.meta.main) {
  if (Deno.uid() !== 0) {
    console.error("demo: root is needed: containerd starts only as root");
    Deno.exit(1);
  }
  const problems = await prepareAndDemo().catch((error: Error) => [error.message]);
  for (const problem of problems) console.error(`unexpected: ${problem}`);
  if (problems.length > 0) Deno.exit(1);
  console.log("\nAll as expected. Everything has been stopped and removed.");
}

async function prepareAndDemo(): Promise<string[]> {
  await buildModules();
  const image = await moduleImage(IMAGE, MODULE, await Deno.readFile(modulePath(MODULE)));
  return demo({ shimDir: `${ROOT}dist`, runtime: "io.containerd.deno.v1", image });
}
