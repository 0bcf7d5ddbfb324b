/**
 * Compiles the C of this project: the launcher and the helper library. What was compiled before from
 * the same files in the same way is taken from build/.
 */

import { dirname } from "node:path";
import { sha256, writeWhole } from "./archive.ts";

const CACHE = "build";
const LAUNCHER = "src/launcher";
const HELPER = "src/linux/native";

const WARNINGS = ["-Wall", "-Wextra", "-Werror"];
const OPTIMIZE = ["-O2", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"];

/** What the launcher tells of its build: see src/launcher/build.h. */
export interface BuildFacts {
  version: string;
  revision: string;
  /** Names that choose an engine: containerd-shim-<engine>-v1. */
  engines: readonly string[];
  /** Kind and version of the runtime, as text. */
  runtime: string;
  v8: string;
  /** Whether the runtime is the one file `runtime` of `deno compile`. */
  compiled: boolean;
}

/** Runs a program and gives its stdout. Throws with its stderr when it fails or is not there. */
export async function run(program: string, args: string[]): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { args, stdin: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`${program}: not found: run "make setup"`);
  }
  const text = new TextDecoder();
  if (!output.success) {
    throw new Error(`${program}: status ${output.code}: ${text.decode(output.stderr).trim()}`);
  }
  return text.decode(output.stdout);
}

/** The files of `folder` with one of `endings`, sorted. */
async function list(folder: string, ...endings: string[]): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name);
  return names.filter((name) => endings.some((ending) => name.endsWith(ending)))
    .sort().map((name) => `${folder}/${name}`);
}

/** Runs gcc with `args` on `files` and `libraries`, unless a result is known. */
async function compile(
  output: string,
  args: string[],
  files: string[],
  libraries: string[] = [],
): Promise<void> {
  const headers = await Promise.all([LAUNCHER, HELPER].map((folder) => list(folder, ".h")));
  const read = [...files, ...headers.flat()];
  const texts = await Promise.all(read.map((path) => Deno.readTextFile(path)));
  const compiler = await run("gcc", ["--version"]);
  const inputs = JSON.stringify([compiler, args, libraries, read, texts]);
  const known = `${CACHE}/${await sha256(new TextEncoder().encode(inputs))}.o`;
  try {
    await Deno.copyFile(known, output);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(dirname(output), { recursive: true });
    await run("gcc", [...args, "-o", output, ...files, ...libraries]);
    await Deno.mkdir(CACHE, { recursive: true });
    await writeWhole(known, await Deno.readFile(output), { mode: 0o755 });
  }
}

/** A C string literal: what build facts hold is plain text. */
function literal(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Compiles the launcher, static. With `sanitize`, dynamic and under ASan and UBSan. */
export async function compileLauncher(
  output: string,
  facts: BuildFacts,
  { sanitize = false, defines = [] }: { sanitize?: boolean; defines?: string[] } = {},
): Promise<void> {
  const mode = sanitize
    ? ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    : [...OPTIMIZE, "-static", "-s", "-ffunction-sections", "-Wl,--gc-sections"];
  const args = [
    "-std=c11",
    "-D_GNU_SOURCE",
    ...WARNINGS,
    ...mode,
    `-DDENOWASI_VERSION=${literal(facts.version)}`,
    `-DDENOWASI_REVISION=${literal(facts.revision)}`,
    `-DDENOWASI_ENGINES=${facts.engines.map(literal).join(",")}`,
    `-DDENOWASI_RUNTIME=${literal(facts.runtime)}`,
    `-DDENOWASI_V8=${literal(facts.v8)}`,
    `-DDENOWASI_COMPILED=${facts.compiled ? 1 : 0}`,
    ...defines.map((define) => `-D${define}`),
  ];
  await compile(output, args, await list(LAUNCHER, ".c"), ["-lzstd"]);
}

/** Compiles the helper library, libdenowasi.so, with the launcher's SHA-256 in it. */
export async function compileHelper(
  output: string,
  { defines = [] }: { defines?: string[] } = {},
): Promise<void> {
  const hash = (await list(LAUNCHER, ".c")).filter((path) => path.includes("/sha256"));
  const args = [
    ...["-std=gnu11", ...WARNINGS, ...OPTIMIZE, "-shared", "-fPIC", "-s", "-fvisibility=hidden"],
    ...defines.map((define) => `-D${define}`),
  ];
  await compile(output, args, [...await list(HELPER, ".c"), ...hash]);
}
