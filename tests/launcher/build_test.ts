import assert from "node:assert/strict";
import { run as compile } from "../../scripts/native.ts";
import { must, run } from "../support/mod.ts";
import { builtFile, Folder, Host, NAME } from "./support.ts";

const DENO = ".tools/bin/deno";

/** Runs the build script into `folder`. */
function runBuild(folder: string, args: string[] = [], env: Record<string, string> = {}) {
  const entry = ["--entry", "tests/launcher/stub_main.ts", "--out", folder];
  const argv = [DENO, "run", "-A", "--quiet", "scripts/build.ts", ...entry, ...args];
  return run(argv, { env, timeoutMs: 120_000 });
}

Deno.test("build.ts makes the same file from the same sources", async () => {
  using folder = new Folder();
  const { code, out, err } = await runBuild(folder.path);
  assert.equal(code, 0, err);
  assert.match(out, /^runtime: (compiled|script on the deno binary \(.+\))$/m);
  assert.match(out, /\/containerd-shim-deno-v1: \d+\.\d MB in \d+\.\d s$/m);
  await must(["cmp", await builtFile(), `${folder.path}/${NAME}`]);
});

Deno.test("build.ts refuses an engine it does not know", async () => {
  using folder = new Folder();
  const { code, err } = await runBuild(folder.path, ["--engine", "wasm"]);
  assert.equal(code, 1);
  assert.match(err, /^build: engine: "wasm": known are deno, wasmer\n$/);
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("build.ts compiles the runtime on DENORT_BIN, and the launcher runs it", async () => {
  using folder = new Folder();
  await using host = await Host.start();
  const base = `${folder.path}/denort`;
  await compile("gcc", ["-o", base, "tests/launcher/fake_denort.c"]);
  const { code, out, err } = await runBuild(folder.path, [], { DENORT_BIN: base });
  assert.equal(code, 0, err);
  assert.match(out, /^runtime: compiled$/m);
  const file = `${folder.path}/${NAME}`;
  assert.match((await host.run([file, "-v"])).out, /Runtime: {2}deno \S+, compiled/);
  const info = await host.run([file, "-info"]);
  assert.equal(info.err, "");
  assert.match(info.out, /^info\nnamespace=\n/);
  const dir = `/var/lib/denowasi/${(await host.store()).find((name) => name.length === 64)}`;
  const names = [...Deno.readDirSync(host.path(dir))].map(({ name }) => name).sort();
  assert.deepEqual(names, [".stamp", "launcher", "lib", "libdenowasi.so", "runtime"]);
});

Deno.test("build.ts fails when DENORT_BIN is no base", async () => {
  using folder = new Folder();
  const { code, err } = await runBuild(folder.path, [], { DENORT_BIN: "/nowhere/denort" });
  assert.equal(code, 1);
  assert.match(err, /^build: DENORT_BIN: \/nowhere\/denort: deno compile: /);
});
