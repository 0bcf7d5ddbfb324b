/** Programs in processes of their own, whose standard streams are the guest's. */

import assert from "node:assert/strict";
import wabt from "wabt";
import { buildModules, modulePath } from "../../../scripts/modules.ts";
import { builtLibrary } from "../../linux/testing/system.ts";
import type { Guest } from "../mod.ts";

await buildModules();
const library = await builtLibrary();
const { parseWat } = await wabt();
const RUN = new URL("testing/run.ts", import.meta.url).pathname;

class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "denowasi-programs-" });

  /** How a module ends that has this folder as its root. */
  async run(module: string, args: string[] = [], stdin = "") {
    const guest: Guest = {
      ...{ args: ["app", ...args], env: [], cwd: "/", export: "_start" },
      ...{ preopens: [{ host: this.path, guest: "/" }], listeners: [] },
    };
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", RUN, library, module, JSON.stringify(guest)],
      env: { NO_COLOR: "1" },
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    const output = child.output(); // read while it is written
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
    const { code, stdout, stderr } = await output;
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, out: decode(stdout), err: decode(stderr) };
  }

  read(name: string): string {
    return Deno.readTextFileSync(`${this.path}/${name}`);
  }

  [Symbol.dispose]() {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("a C program makes, reads, links and lists files", async () => {
  using folder = new Folder();
  const files = (...args: string[]) => folder.run(modulePath("files.wasm"), args);
  const done = (out = "") => ({ code: 0, out, err: "" });
  assert.deepEqual(await files("write", "/file", "héllo"), done());
  assert.equal(folder.read("file"), "héllo");
  assert.deepEqual(await files("symlink", "/file", "/link"), done());
  assert.deepEqual(await files("read", "/link"), done("héllo"));
  assert.deepEqual(await files("stat", "/link"), done("symlink 5\n"));
  assert.deepEqual(await files("stat", "/file"), done("file 6\n"));
  const { out } = await files("list", "/");
  assert.deepEqual(out.trimEnd().split("\n").sort(), ["file", "link"]);
  assert.deepEqual(await files("read", "/nothing"), {
    ...{ code: 1, out: "", err: "read /nothing: No such file or directory\n" },
  });
});

Deno.test("a C program copies stdin to stdout, and sees that it ends", async () => {
  using folder = new Folder();
  const text = "line\n".repeat(100_000);
  assert.equal((await folder.run(modulePath("cat.wasm"), [], text)).out, text);
});

/** A module that closes `closed`, opens a file in its place, writes to it and traps. */
async function reusing(folder: Folder, closed: number) {
  const wasi = (name: string, parameters: string) =>
    `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param ${parameters}) (result i32)))`;
  const source = `(module
    ${wasi("fd_close", "i32")}
    ${wasi("fd_write", "i32 i32 i32 i32")}
    ${wasi("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32")}
    (memory (export "memory") 1)
    (data (i32.const 0) "\\20\\00\\00\\00\\05\\00\\00\\00")
    (data (i32.const 32) "text\\nfile")
    (func (export "_start")
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (drop (call $fd_close (i32.const ${closed})))
      (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 37) (i32.const 4) (i32.const 1)
        (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))
      (if (i32.ne (i32.load (i32.const 16)) (i32.const ${closed})) (then (return)))
      (drop (call $fd_write (i32.const ${closed}) (i32.const 0) (i32.const 1) (i32.const 16)))
      unreachable))`;
  const module = parseWat("test.wat", source);
  const path = `${folder.path}/module.wasm`;
  Deno.writeFileSync(path, module.toBinary({}).buffer);
  module.destroy();
  return await folder.run(path);
}

Deno.test("what a guest opens in stdout's place is not the process's stdout", async () => {
  using folder = new Folder();
  const { code, out, err } = await reusing(folder, 1);
  assert.deepEqual([code, out], [134, "text\n"]);
  assert.match(err, /^trap: unreachable\n/);
  assert.equal(folder.read("file"), "text\n");
});

Deno.test("the reason of a trap is not written to a file in stderr's place", async () => {
  using folder = new Folder();
  assert.deepEqual(await reusing(folder, 2), { code: 134, out: "text\n", err: "" });
  assert.equal(folder.read("file"), "text\n");
});
