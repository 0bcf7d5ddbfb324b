/** The system calls of libdenowasi under ASan and UBSan, and the walk of paths against the kernel's. */

import assert from "node:assert/strict";
import { run as runCompiler } from "../../scripts/native.ts";
import { must } from "../support/mod.ts";

const folder = Deno.makeTempDirSync({ prefix: "denowasi-system-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const SOURCES = ["below", "files", "paths", "readdir", "sockets", "time"]
  .map((name) => `src/linux/native/system_${name}.c`);

/** The driver, with openat2 or without it. */
async function build(name: string, defines: string[] = []): Promise<string> {
  const path = `${folder}/${name}`;
  await runCompiler("gcc", [
    ...["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-O1", ...defines],
    ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    ...["-o", path, "tests/root/system_driver.c", ...SOURCES],
  ]);
  return path;
}

const [openat2, walk] = await Promise.all([
  build("openat2"),
  build("walk", ["-DDENOWASI_NO_OPENAT2"]),
]);

/** What the driver says of 20,000 calls in a new folder, outside of which nothing may change. */
async function paths(driver: string, seed: number): Promise<string[]> {
  const where = await Deno.makeTempDir({ dir: folder });
  await Deno.mkdir(`${where}/inside`);
  for (const name of ["a", "b", "c"]) await Deno.mkdir(`${where}/${name}`);
  const { out } = await must([driver, "paths", where, `${seed}`, "20000"], { timeoutMs: 60_000 });
  const outside = [];
  for await (const { name } of Deno.readDir(where)) outside.push(name);
  assert.deepEqual(outside.sort(), ["a", "b", "c", "inside"]);
  for (const name of ["a", "b", "c"]) {
    assert.deepEqual([...Deno.readDirSync(`${where}/${name}`)], [], name);
  }
  return out.trimEnd().split("\n");
}

Deno.test.each([[1], [2], [3], [4]])(
  "System's own walk answers what openat2 does, 20,000 random calls of seed %i",
  async (seed) => {
    const [kernel, own] = await Promise.all([paths(openat2, seed), paths(walk, seed)]);
    assert.equal(kernel.at(-1), "0 descriptors more");
    for (const [index, line] of kernel.entries()) assert.equal(own[index], line);
    const results = new Set(kernel.map((line) => line.split(" ").at(-1)));
    assert.ok(results.has("0") && results.has("-1") && results.size > 8, `${[...results]}`);
  },
);

Deno.test("System stays inside of what it is given, whatever a guest's vectors say", async () => {
  const { out } = await must([openat2, "buffers", "7", "20000"], { timeoutMs: 60_000 });
  assert.equal(out, "0 wrong, 0 descriptors more\n");
});
