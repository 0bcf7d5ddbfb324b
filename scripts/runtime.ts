/**
 * The runtime that the archive carries: made by `deno compile` where its base, denort, can be had,
 * else the `deno` binary of the npm package with the script beside it. Both are started through the
 * carried ld.so with the carried libraries.
 */

import { basename } from "node:path";
import type { Member } from "./archive.ts";
import { withoutHooks } from "./library_hooks.ts";
import { run } from "./native.ts";

/** The pinned Deno that set-up installs. */
export const DENO = ".tools/bin/deno";

/** How long `deno compile` may take, a download of denort included. */
const COMPILE_TIMEOUT_MS = 120_000;

export interface Versions {
  deno: string;
  v8: string;
}

/** Versions of the pinned Deno. Throws when it is not installed. */
export async function versions(): Promise<Versions> {
  const text = await run(DENO, ["--version"]);
  const deno = /^deno (\S+)/m.exec(text)?.[1];
  const v8 = /^v8 (\S+)/m.exec(text)?.[1];
  if (deno === undefined || v8 === undefined) throw new Error(`deno --version: seen "${text}"`);
  return { deno, v8 };
}

/** ld.so and every library that one of `objects` needs, by name, with its path on this machine. */
async function libraries(objects: string[]): Promise<Map<string, string>> {
  const result = new Map<string, string>();
  for (const object of objects) {
    for (const line of (await run("ldd", [object])).split("\n")) {
      const [, name, path] = /^\s*(\S+) => (\/\S+)/.exec(line) ?? [];
      const loader = /^\s*(\/\S*ld-linux\S*)/.exec(line)?.[1];
      if (name !== undefined && path !== undefined) result.set(name, path);
      else if (loader !== undefined) result.set("ld.so", loader);
      else if (line.includes("not found")) throw new Error(`${object}: ${line.trim()}`);
    }
  }
  return result;
}

/** libseccomp is loaded by name at run time, so no binary tells that it is needed. */
async function seccomp(): Promise<string> {
  const name = "libseccomp.so.2";
  const path = (await run("gcc", [`-print-file-name=${name}`])).trim();
  if (path === name) throw new Error(`${name}: not found: run "make setup"`);
  return path;
}

/**
 * The members of lib/: ld.so under the names that the processes shall have (src/launcher/runtime.h)
 * and what `objects` and libseccomp need.
 */
export async function libraryMembers(objects: string[]): Promise<Member[]> {
  const extra = await seccomp();
  const found = await libraries([...objects, extra]);
  found.set(basename(extra), extra);
  const files = await Promise.all(
    [...found].sort(([a], [b]) => a < b ? -1 : 1).map(async ([name, path]) => ({
      name: `lib/${name}`,
      mode: 0o700,
      data: withoutHooks(name, await Deno.readFile(path)),
    })),
  );
  return [
    { name: "lib/", folder: true },
    ...files,
    { name: "lib/containerd-shim", link: "ld.so" },
    { name: "lib/denowasi-zygote", link: "ld.so" },
    { name: "lib/denowasi-run", link: "ld.so" },
    { name: "lib/denowasi-http", link: "ld.so" },
  ];
}

/** Makes one file of `script`, with the files `assets`, with `deno compile`. Throws with Deno's last words. */
export async function compileScript(
  script: string,
  output: string,
  assets: string[] = [],
): Promise<void> {
  const { success, stderr } = await new Deno.Command(DENO, {
    args: [
      ...["compile", "-A", "--quiet", "--no-check", "--no-config", "--no-lock"],
      ...["--no-remote", "--no-npm", "--no-prompt", "--no-code-cache"],
      ...assets.flatMap((path) => ["--include", path]),
      ...["--output", output, script],
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    signal: AbortSignal.timeout(COMPILE_TIMEOUT_MS),
  }).output();
  if (success) return;
  // "error: ...", then numbered causes, of which the last says most, then a backtrace.
  const [message] = new TextDecoder().decode(stderr).split("Stack backtrace");
  const cause = message.trim().split("\n").at(-1)?.trim().replace(/^\d+: /, "");
  throw new Error(`deno compile: ${cause}`);
}

/**
 * Why `deno compile` is of no use here, or undefined when it is: tried with a script of one line,
 * whose result must also run through ld.so as the launcher will run it. A failure is remembered in
 * the folder `cache`, unless DENORT_BIN says that it should work: then it is thrown. `work` is for
 * temporary files.
 */
export async function compileObstacle(cache: string, work: string): Promise<string | undefined> {
  const memory = `${cache}/denort-${(await versions()).deno}`;
  const insist = Deno.env.has("DENORT_BIN");
  if (!insist) {
    const known = await Deno.readTextFile(memory).catch(() => undefined);
    if (known !== undefined) return known;
  }
  try {
    const [script, output] = [`${work}/probe.js`, `${work}/probe`];
    await Deno.writeTextFile(script, "console.log(Deno.args[0]);\n");
    await compileScript(script, output);
    const loader = (await libraries([output])).get("ld.so");
    if (loader === undefined) throw new Error("deno compile: made a static file");
    const said = await run(loader, [output, "ready"]);
    if (said !== "ready\n") throw new Error(`deno compile: its file said "${said}"`);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (insist) throw new Error(`DENORT_BIN: ${Deno.env.get("DENORT_BIN")}: ${reason}`);
    await Deno.writeTextFile(memory, reason);
    return reason;
  }
}
