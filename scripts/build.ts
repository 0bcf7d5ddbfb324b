/**
 * Builds dist/containerd-shim-<engine>-v1: the launcher with the runtime, the script, the helper
 * library and the shared libraries appended.
 *
 *     deno run -A scripts/build.ts [--engine NAME]... [--entry FILE] [--out DIR] [--level N]
 *
 * Run from the project's folder. What did not change since the last build is taken from build/.
 */

import { parseArgs } from "node:util";
import { bundle } from "./bundle.ts";
import { cachedFrame, endFrame, frame, joinArchive, type Member, writeWhole } from "./archive.ts";
import { type BuildFacts, compileHelper, compileLauncher, run } from "./native.ts";
import { compileObstacle, compileScript, DENO, libraryMembers, versions } from "./runtime.ts";

/** The engines: each is a name of the one file. */
export const ENGINES = ["deno", "wasmer"] as const;

/** zstd's level 9 takes 3 s for Deno's 95 MB; 19 takes 60 s and makes the file a tenth smaller. */
const DEFAULT_LEVEL = 9;

const CACHE = "build";

export interface BuildOptions {
  engines?: readonly string[];
  /** The script's entry point. */
  entry?: string;
  /** Folder of the result. */
  out?: string;
  /** zstd's compression level, 1-19. */
  level?: number;
}

/** "abc..." or, with files modified, "abc....m", as containerd's own files say it. */
async function revision(): Promise<string> {
  try {
    const commit = (await run("git", ["rev-parse", "HEAD"])).trim();
    const modified = await run("git", ["status", "--porcelain", "--untracked-files=no"]);
    return modified === "" ? commit : `${commit}.m`;
  } catch {
    return "unknown";
  }
}

async function facts(compiled: boolean): Promise<BuildFacts> {
  const { version } = JSON.parse(await Deno.readTextFile("deno.json")) as { version: string };
  const { deno, v8 } = await versions();
  const kind = compiled ? "compiled (deno compile)" : "script on the deno binary";
  return {
    version,
    revision: await revision(),
    engines: ENGINES,
    runtime: `deno ${deno}, ${kind}`,
    v8,
    compiled,
  };
}

export interface BuildResult {
  /** The built files, one per engine. */
  paths: string[];
  /** Which kind of runtime they carry, and why. */
  runtime: string;
}

/** Builds the file under the name of each engine. */
export async function build(options: BuildOptions = {}): Promise<BuildResult> {
  const { engines = ENGINES, entry = "src/main.ts", out = "dist", level = DEFAULT_LEVEL } = options;
  const unknown = engines.find((name) => !ENGINES.some((known) => known === name));
  if (unknown !== undefined) {
    throw new Error(`engine: "${unknown}": known are ${ENGINES.join(", ")}`);
  }
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.mkdir(out, { recursive: true });
  // Builds may run at the same time: only finished files of the cache are shared.
  const work = await Deno.makeTempDir({ dir: CACHE, prefix: "work-" });
  try {
    const obstacle = await compileObstacle(CACHE, work);
    const compiled = obstacle === undefined;
    const runtime = compiled ? "compiled" : `script on the deno binary (${obstacle})`;
    const [scripts] = await Promise.all([
      bundle({ entry, outfile: `${work}/shim.js`, minify: true }),
      compileHelper(`${work}/libdenowasi.so`),
      facts(compiled).then((known) => compileLauncher(`${work}/launcher`, known)),
    ]);
    if (compiled) {
      const assets = scripts.filter((name) => !name.endsWith(".js"));
      const paths = assets.map((name) => `${work}/${name}`);
      await compileScript(`${work}/shim.js`, `${work}/runtime`, paths);
    }

    const executable = async (name: string, path = `${work}/${name}`): Promise<Member> => ({
      name,
      mode: 0o700,
      data: await Deno.readFile(path),
    });
    const main = compiled ? await executable("runtime") : await executable("deno", DENO);
    const objects = [compiled ? `${work}/runtime` : DENO, `${work}/libdenowasi.so`];
    const base = [main, ...await libraryMembers(objects)];
    const own = [await executable("launcher"), await executable("libdenowasi.so")];
    if (!compiled) {
      for (const name of scripts) {
        own.push({ name, mode: 0o600, data: await Deno.readFile(`${work}/${name}`) });
      }
    }
    const file = await joinArchive(await Deno.readFile(`${work}/launcher`), [
      await cachedFrame(base, level, CACHE),
      await frame(own, level),
      endFrame(level),
    ]);
    const paths = engines.map((engine) => `${out}/containerd-shim-${engine}-v1`);
    for (const path of paths) await writeWhole(path, file, { mode: 0o755 });
    return { paths, runtime };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      engine: { type: "string", multiple: true },
      entry: { type: "string" },
      out: { type: "string" },
      level: { type: "string" },
    },
  });
  const started = performance.now();
  const { paths, runtime } = await build({
    engines: values.engine,
    entry: values.entry,
    out: values.out,
    level: values.level === undefined ? undefined : Number(values.level),
  });
  console.log(`runtime: ${runtime}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  for (const path of paths) {
    const megabytes = ((await Deno.stat(path)).size / 1e6).toFixed(1);
    console.log(`${path}: ${megabytes} MB in ${seconds} s`);
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(`build: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
