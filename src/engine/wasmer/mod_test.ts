import assert from "node:assert/strict";
import wabt from "wabt";
import { buildModules, modulePath } from "../../../scripts/modules.ts";
import { openSystem } from "../../linux/system.ts";
import { builtLibrary } from "../../linux/testing/system.ts";
import type { Guest, Outcome, Program } from "../mod.ts";
import { wasmerEngine } from "./mod.ts";

await buildModules();
const { parseWat } = await wabt();
// Built once: a process whose library is written anew falls.
const library = await builtLibrary();
const engine = await wasmerEngine({ system: openSystem(library) });

const GUEST: Guest = {
  ...{ args: ["app"], env: [], cwd: "/", export: "_start" },
  ...{ preopens: [], listeners: [] },
};

function wat(source: string): Program {
  const module = parseWat("test.wat", source);
  try {
    const { buffer } = module.toBinary({ write_debug_names: true });
    return engine.compile(new Uint8Array(buffer), "/app.wasm") as Program;
  } finally {
    module.destroy();
  }
}

/** Runs a built module with a folder at `/data`, and files as its streams. */
class Subject implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "denowasi-wasmer-" });
  readonly data = `${this.path}/data`;

  constructor() {
    Deno.mkdirSync(this.data);
  }

  /** Runs `name` in a process of its own, as it takes descriptors 0 to 2. */
  run(name: string, args: string[], change: Partial<Guest> & { stdin?: string } = {}) {
    const { stdin = "", ...guest } = change;
    const preopens = [{ host: this.data, guest: "/data" }];
    return runApart(modulePath(name), {
      ...GUEST,
      ...{ args: [name, ...args], preopens },
      ...guest,
    }, stdin);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

async function runApart(module: string, guest: Guest, stdin: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", "--no-check"],
      import.meta.resolve("./testing/run.ts"),
      ...[library, module, JSON.stringify(guest)],
    ],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** In this process, with what needs no stream. */
function run(body: string, guest: Partial<Guest> = {}, more = ""): Outcome {
  return wat(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_get" (func $filestat (param i32 i32) (result i32)))
    (memory (export "memory") 1) ${more}
    (func (export "_start") ${body}))`).run({ ...GUEST, ...guest });
}

Deno.test("engine is called wasmer", () => {
  assert.equal(engine.name, "wasmer");
  engine.warmUp();
});

Deno.test("engine.compile() rejects what is not valid or cannot be linked", () => {
  assert.throws(() => engine.compile(new TextEncoder().encode("#!/bin/sh\n"), "/app.wasm"), {
    kind: "InvalidArgument",
    message: /^compile \/app\.wasm: expected magic word/,
  });
  assert.throws(() => wat('(module (import "env" "f" (func)))'), {
    kind: "InvalidArgument",
    message: "link /app.wasm: no host gives its import env.f (function)",
  });
  assert.throws(() => wat("(module)").checkExport("_start"), {
    kind: "InvalidArgument",
    message: "find export _start of /app.wasm: there is none",
  });
});

Deno.test("Program.run() answers exit codes and traps", () => {
  assert.deepEqual(run(""), { code: 0, message: "" });
  assert.deepEqual(run("(call $proc_exit (i32.const 42))"), { code: 42, message: "" });
  const trap = run("unreachable");
  assert.equal(trap.code, 134);
  assert.match(trap.message, /^trap: unreachable\n {4}at .*\n/);
  const deep = run("(call $deep)", {}, "(func $deep (call $deep) (call $deep))");
  assert.equal(deep.code, 134);
  assert.match(deep.message, /^trap: Maximum call stack size exceeded\n/);
});

Deno.test("Program.run() runs a module without memory or imports, and another export", () => {
  const program = wat('(module (func (export "_start")) (func (export "other") unreachable))');
  assert.equal(program.run(GUEST).code, 0);
  assert.equal(program.run({ ...GUEST, export: "other" }).code, 134);
  assert.equal(
    wat('(module (memory (export "memory") 1) (func (export "_start")))').run(GUEST).code,
    0,
  );
});

Deno.test("Program.run() faults, and does not fall, over what is outside of memory or without any", () => {
  using subject = new Subject();
  const preopens = [{ host: subject.data, guest: "/data" }];
  const stat = (at: number) => `(call $proc_exit (call $filestat (i32.const 3) (i32.const ${at})))`;
  assert.equal(run(stat(0), { preopens }).code, 0);
  const outside = run(stat(65535), { preopens });
  assert.ok(outside.code !== 0 && outside.code !== 134, `${outside.code} ${outside.message}`);
  const bare = wat(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_get" (func $filestat (param i32 i32) (result i32)))
    (func (export "_start") ${stat(0)}))`);
  assert.equal(bare.run({ ...GUEST, preopens }).code, 21);
});

Deno.test("Program.run() begins anew each time", () => {
  using subject = new Subject();
  const preopens = [{ host: subject.data, guest: "/data" }];
  const has = "(call $proc_exit (call $prestat (i32.const 3) (i32.const 0)))";
  for (let round = 0; round < 3; round++) {
    assert.equal(run(has, { preopens }).code, 0);
    assert.equal(run(has).code, 8);
  }
});

Deno.test("a guest has arguments, variables in order, and streams both ways", async () => {
  using subject = new Subject();
  const args = await subject.run("args.wasm", ["", "ä"], { env: ["2=b", "1=a", "2=c"] });
  assert.deepEqual(args, {
    code: 0,
    out: "arg: args.wasm\narg: \narg: ä\nenv: 2=b\nenv: 1=a\nenv: 2=c\n",
    err: "",
  });
  const cat = await subject.run("cat.wasm", [], { stdin: "one\ntwo" });
  assert.deepEqual(cat, { code: 0, out: "one\ntwo", err: "" });
  assert.equal((await subject.run("output.wasm", ["4"])).out.length, (4 << 20) + 3);
});

Deno.test("a guest reads, makes, changes, moves and removes files of its folder", async () => {
  using subject = new Subject();
  const { data } = subject;
  Deno.writeTextFileSync(`${data}/in`, "inside\n");
  Deno.mkdirSync(`${data}/sub/deep`, { recursive: true });
  Deno.writeTextFileSync(`${data}/sub/old`, "old");
  assert.equal((await subject.run("files.wasm", ["read", "/data/in"])).out, "inside\n");
  assert.equal((await subject.run("files.wasm", ["stat", "/data/in"])).out, "file 7\n");
  const list = await subject.run("files.wasm", ["list", "/data"]);
  assert.deepEqual(list.out.trim().split("\n").sort(), ["in", "sub"]);

  const inode = Deno.statSync(`${data}/in`).ino;
  const write = await subject.run("files.wasm", ["write", "/data/in", "changed"]);
  assert.deepEqual(write, { code: 0, out: "", err: "" });
  assert.equal(Deno.readTextFileSync(`${data}/in`), "changed");
  assert.equal(Deno.statSync(`${data}/in`).ino, inode, "in place");
  await subject.run("files.wasm", ["write", "/data/sub/deep/new", "text"]);
  assert.equal(Deno.readTextFileSync(`${data}/sub/deep/new`), "text");

  assert.equal((await subject.run("mapped.wasm", ["/data"])).err, "");
  assert.deepEqual([...Deno.readDirSync(data)].map(({ name }) => name).sort(), [
    "in",
    "made",
    "sub",
  ]);
  assert.equal(Deno.readTextFileSync(`${data}/made/moved`), "moved");
  assert.deepEqual([...Deno.readDirSync(`${data}/sub`)].map(({ name }) => name), ["deep"]);
});

Deno.test("a guest writes over what a file holds", async () => {
  using subject = new Subject();
  const { code, err } = await subject.run("overwrite.wasm", ["/data/file"]);
  assert.deepEqual([code, err], [0, ""]);
  const text = Deno.readTextFileSync(`${subject.data}/file`);
  assert.equal(text.length, 100_000);
  assert.ok(text.startsWith("firstfghijABCnop"), text.slice(0, 20));
  assert.equal(text.slice(49_999, 50_004), "bXYZf");
});

Deno.test("what a guest does not touch stays as it is, whoever else changes it", async () => {
  using subject = new Subject();
  const { data } = subject;
  Deno.writeTextFileSync(`${data}/in`, "before");
  Deno.symlinkSync("/etc/passwd", `${data}/link`);
  const running = subject.run("mapped.wasm", ["/data", "1"]);
  // It has been copied in when the guest's fsync has copied this out.
  while (!exists(`${data}/new`)) await new Promise((resolve) => setTimeout(resolve, 5));
  Deno.writeTextFileSync(`${data}/in`, "changed by another");
  Deno.writeTextFileSync(`${data}/other`, "made by another");
  assert.deepEqual(await running, { code: 0, out: "", err: "" });
  assert.equal(Deno.readTextFileSync(`${data}/in`), "changed by another");
  assert.equal(Deno.readTextFileSync(`${data}/other`), "made by another");
  assert.equal(Deno.readTextFileSync(`${data}/made/moved`), "moved");
  assert.equal(Deno.readLinkSync(`${data}/link`), "/etc/passwd");
});

Deno.test("nothing leads out of the folder, and what is not copied is not seen", async () => {
  using subject = new Subject();
  const { data, path } = subject;
  Deno.writeTextFileSync(`${path}/secret`, "secret");
  Deno.symlinkSync(`${path}/secret`, `${data}/link`);
  Deno.symlinkSync("..", `${data}/up`);
  for (const file of ["/data/link", "/data/up/secret", "/data/../secret", `${path}/secret`]) {
    const { code, out } = await subject.run("files.wasm", ["read", file]);
    assert.deepEqual([code, out], [1, ""], file);
  }
  // In the place of the link there is a file of the guest's memory, which is not copied over it.
  const over = await subject.run("files.wasm", ["write", "/data/link", "changed"]);
  assert.equal(over.code, 1);
  assert.match(over.err, /^write back \S+\/link: ELOOP/);
  assert.equal(Deno.readTextFileSync(`${path}/secret`), "secret");
});

Deno.test("folders that lie in one another are one", async () => {
  using subject = new Subject();
  const { data } = subject;
  Deno.mkdirSync(`${data}/sub`);
  const preopens = [{ host: `${data}/sub`, guest: "/inner" }, { host: `${data}/`, guest: "/" }];
  const made = await subject.run("mapped.wasm", ["/inner"], { preopens });
  assert.deepEqual(made, { code: 0, out: "", err: "" });
  assert.equal(Deno.readTextFileSync(`${data}/sub/made/moved`), "moved");
  const read = await subject.run("files.wasm", ["read", "/sub/made/moved"], { preopens });
  assert.equal(read.out, "moved");
  const open = await subject.run("fds.wasm", [], { preopens });
  assert.match(open.out, /^0 \d\n1 \d\n2 \d\n3 3\n4 3\n$/);
});

Deno.test("preopened folders keep their order and names", () => {
  using subject = new Subject();
  const names = ["/z", "1", "b/c", "/"];
  const preopens = names.map((guest, index) => {
    Deno.mkdirSync(`${subject.data}/${index}`);
    return { host: `${subject.data}/${index}`, guest };
  });
  names.forEach((name, index) => {
    const code = run(
      `(drop (call $prestat (i32.const ${3 + index}) (i32.const 0)))
       (call $proc_exit (i32.load (i32.const 4)))`,
      { preopens },
    ).code;
    assert.equal(code, name.length, name);
  });
});

Deno.test("a folder that is too large is refused, by name", () => {
  using subject = new Subject();
  const preopens = [{ host: subject.data, guest: "/data" }];
  using file = Deno.createSync(`${subject.data}/large`);
  file.truncateSync((64 << 20) + 1);
  assert.deepEqual(run("", { preopens }), {
    code: 1,
    message: `copy ${subject.data}/large into memory: more than 64 MiB\n`,
  });
  file.truncateSync(64 << 20);
  assert.equal(run("", { preopens }).code, 0);
  Deno.writeTextFileSync(`${subject.data}/one more`, "x");
  assert.equal(run("", { preopens }).code, 1);
});

Deno.test("too many files are refused", () => {
  using subject = new Subject();
  const preopens = [{ host: subject.data, guest: "/data" }];
  for (let file = 0; file < 10_001; file++) Deno.writeTextFileSync(`${subject.data}/${file}`, "");
  const { code, message } = run("", { preopens });
  assert.equal(code, 1);
  assert.match(message, /^copy \S+ into memory: more than 10000 files and folders\n$/);
});

Deno.test("a folder that is not there, and listeners, are refused", () => {
  assert.deepEqual(run("", { preopens: [{ host: "/nowhere", guest: "/" }] }), {
    code: 1,
    message: "open preopened directory /nowhere: ENOENT: no such file or directory\n",
  });
  assert.deepEqual(run("", { listeners: [0] }), {
    code: 1,
    message: "listen: the engine wasmer has no sockets\n",
  });
});

Deno.test("what cannot be copied back is said, and fails the guest", async () => {
  using subject = new Subject();
  const preopens = [{ host: "/proc/self/net", guest: "/data" }];
  const { code, err } = await subject.run("files.wasm", ["write", "/data/new", "x"], { preopens });
  assert.equal(code, 1);
  assert.match(err, /^write back \/proc\/self\/net\/new: E\w+: .*\n$/);
});

Deno.test("a guest sleeps, and has the time", async () => {
  using subject = new Subject();
  const startedMs = performance.now();
  assert.equal((await subject.run("wasi-demo-app.wasm", ["sleep", "0.3"])).code, 0);
  assert.ok(performance.now() - startedMs > 300);
  const { code, err } = await subject.run("clock.wasm", []);
  assert.deepEqual([code, err], [0, ""]);
});

Deno.test("siblings draw different random bytes", async () => {
  using subject = new Subject();
  const drawn = await Promise.all([1, 2, 3].map(() => subject.run("random.wasm", [])));
  assert.equal(new Set(drawn.map(({ out }) => out)).size, 3);
});
