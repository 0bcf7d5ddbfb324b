import assert from "node:assert/strict";
import wabt from "wabt";
import { denoEngine } from "./deno.ts";
import { builtSystem } from "../linux/testing/system.ts";
import type { Guest, Outcome, Program } from "./mod.ts";

const { parseWat } = await wabt();

const GUEST: Guest = {
  ...{ args: ["app"], env: [], cwd: "/", export: "_start" },
  ...{ preopens: [], listeners: [] },
};

const engine = denoEngine({ system: await builtSystem() });

function wat(source: string): Uint8Array<ArrayBuffer> {
  const module = parseWat("test.wat", source);
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}

const compile = (source: string) => engine.compile(wat(source), "/app.wasm") as Program;

/** An import of WASI preview 1, as $name. */
const wasi = (name: string, parameters: number, result = "(result i32)") =>
  `(import "wasi_snapshot_preview1" "${name}" (func $${name} (param${
    " i32".repeat(parameters)
  }) ${result}))`;

const EXIT = wasi("proc_exit", 1, "");

/** Runs the body of `_start`, with `imports` and one page of memory. */
function run(imports: string, body: string, guest: Partial<Guest> = {}, more = ""): Outcome {
  const module = compile(
    `(module ${imports} (memory (export "memory") 1) ${more} (func (export "_start") ${body}))`,
  );
  return module.run({ ...GUEST, ...guest });
}

/** Exits with the i32 that `expression` leaves. */
const exitWith = (expression: string) => `(call $proc_exit ${expression})`;

Deno.test("engine is called deno", () => {
  assert.equal(engine.name, "deno");
  engine.warmUp();
});

Deno.test.each([
  ["0061736d010000007f0100", /^compile \/app\.wasm: unknown section code #0x7f @\+10$/],
  ["0061736d0100000001200160", /^compile \/app\.wasm: section .* @\+8$/],
  ["23212f62696e2f7368", /^compile \/app\.wasm: expected magic word .* @\+0$/],
  ["0061736d0d000100", /^compile \/app\.wasm: expected version .* @\+4$/],
  ["", /^compile \/app\.wasm: BufferSource argument is empty$/],
])("engine.compile() says where %s is wrong", (hex, message) => {
  assert.throws(() => engine.compile(Uint8Array.fromHex(hex), "/app.wasm"), {
    kind: "InvalidArgument",
    message,
  });
});

Deno.test("engine.compile() names the function that does not validate", () => {
  const code = wat("(module (func $first) (func $wrong (result i32) (i32.const 0)))");
  code.fill(0x01, code.lastIndexOf(0x41), code.lastIndexOf(0x41) + 2); // i32.const 0 becomes nop, nop
  assert.throws(() => engine.compile(code, "/app.wasm"), {
    kind: "InvalidArgument",
    message: /^compile \/app\.wasm: Compiling function #1:"wrong" failed: .* @\+\d+$/,
  });
});

Deno.test.each([
  ['(import "env" "f" (func))', "env.f (function)"],
  ['(import "wasi_snapshot_preview1" "fd_fly" (func))', "wasi_snapshot_preview1.fd_fly (function)"],
  ['(import "wasi_unstable" "fd_write" (func))', "wasi_unstable.fd_write (function)"],
  [
    '(import "wasi_snapshot_preview1" "fd_write" (memory 1))',
    "wasi_snapshot_preview1.fd_write (memory)",
  ],
  [
    '(import "wasi_snapshot_preview1" "toString" (func))',
    "wasi_snapshot_preview1.toString (function)",
  ],
  [
    '(import "wasi_snapshot_preview1" "__proto__" (func))',
    "wasi_snapshot_preview1.__proto__ (function)",
  ],
])("engine.compile() rejects %s", (source, name) => {
  assert.throws(() => compile(`(module ${source})`), {
    kind: "InvalidArgument",
    message: `link /app.wasm: no host gives its import ${name}`,
  });
});

Deno.test("engine.compile() accepts every function of preview 1", () => {
  const imports = [
    ...[
      "args_get",
      "args_sizes_get",
      "environ_get",
      "environ_sizes_get",
      "clock_res_get",
      "clock_time_get",
    ],
    ...[
      "fd_advise",
      "fd_allocate",
      "fd_close",
      "fd_datasync",
      "fd_fdstat_get",
      "fd_fdstat_set_flags",
    ],
    ...[
      "fd_fdstat_set_rights",
      "fd_filestat_get",
      "fd_filestat_set_size",
      "fd_filestat_set_times",
      "fd_pread",
    ],
    ...[
      "fd_prestat_get",
      "fd_prestat_dir_name",
      "fd_pwrite",
      "fd_read",
      "fd_readdir",
      "fd_renumber",
      "fd_seek",
    ],
    ...[
      "fd_sync",
      "fd_tell",
      "fd_write",
      "path_create_directory",
      "path_filestat_get",
      "path_filestat_set_times",
    ],
    ...[
      "path_link",
      "path_open",
      "path_readlink",
      "path_remove_directory",
      "path_rename",
      "path_symlink",
    ],
    ...["path_unlink_file", "poll_oneoff", "proc_exit", "sched_yield", "random_get"],
    ...["sock_recv", "sock_send", "sock_shutdown"],
  ];
  compile(
    `(module ${
      imports.map((name) => `(import "wasi_snapshot_preview1" "${name}" (func))`).join("")
    })`,
  );
});

Deno.test("Program.checkExport() wants a function", () => {
  const module = compile(
    '(module (memory (export "memory") 1) (func (export "_start")) (func (export "foo")))',
  );
  module.checkExport("_start");
  module.checkExport("foo");
  assert.throws(() => module.checkExport("bar"), {
    kind: "InvalidArgument",
    message: "find export bar of /app.wasm: there is none",
  });
  assert.throws(() => module.checkExport("memory"), {
    kind: "InvalidArgument",
    message: "find export memory of /app.wasm: it is a memory, not a function",
  });
});

Deno.test("Program.run() answers the exit code", () => {
  assert.deepEqual(run(EXIT, ""), { code: 0, message: "" });
  for (const code of [0, 1, 42, 134, 255]) {
    assert.deepEqual(run(EXIT, exitWith(`(i32.const ${code})`)), { code, message: "" });
  }
});

Deno.test("Program.run() runs the export that it is told to", () => {
  const other = `(func (export "foo") ${exitWith("(i32.const 7)")})`;
  assert.equal(run(EXIT, "", { export: "foo" }, other).code, 7);
  assert.equal(run(EXIT, "", {}, other).code, 0);
});

Deno.test("Program.run() runs a module without memory", () => {
  const module = compile(`(module ${EXIT} (func (export "_start") ${exitWith("(i32.const 3)")}))`);
  assert.deepEqual(module.run(GUEST), {
    code: 3,
    message: "",
  });
});

Deno.test("Program.run() answers a trap with its stack, innermost first", () => {
  const functions = "(func $inner unreachable) (func $outer (call $inner))";
  const { code, message } = run("", "(call $outer)", {}, functions);
  assert.equal(code, 134);
  const [first, ...frames] = message.split("\n");
  assert.equal(first, "trap: unreachable");
  assert.deepEqual(frames.map((frame) => /at (\w+) .*wasm-function/.exec(frame)?.[1]), [
    "inner",
    "outer",
    undefined,
    undefined,
  ]);
  assert.ok(message.endsWith("\n"));
});

Deno.test.each([
  ["(drop (i32.load (i32.const 65533)))", "memory access out of bounds"],
  ["(drop (i32.div_s (i32.const 1) (i32.const 0)))", "divide by zero"],
  ["(call $self)", "Maximum call stack size exceeded"],
])("Program.run() answers the trap of %s", (body, reason) => {
  const { code, message } = run(
    "",
    body,
    {},
    "(func $self (drop (i32.add (call $deep) (i32.const 1)))) (func $deep (result i32) (call $self) (i32.const 1))",
  );
  assert.equal(code, 134);
  assert.equal(message.split("\n")[0], `trap: ${reason}`);
});

Deno.test("Program.run() begins anew each time", () => {
  const counting = "(global $count (mut i32) (i32.const 0))";
  const body = `(global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (global.get $count)))
    ${exitWith("(i32.load (i32.const 0))")}`;
  const module = compile(
    `(module ${EXIT} (memory (export "memory") 1) ${counting} (func (export "_start") ${body}))`,
  );
  for (let round = 0; round < 3; round++) {
    assert.equal(module.run(GUEST).code, 1);
  }
});

/** Exits with the byte at `at` after `call`, or with 100 + the errno of `call`. */
const byteAfter = (call: string, at: number) =>
  `(local $errno i32) (local.set $errno ${call})
   (if (local.get $errno) (then ${exitWith("(i32.add (i32.const 100) (local.get $errno))")}))
   ${exitWith(`(i32.load8_u (i32.const ${at}))`)}`;

/** The first `size` bytes of memory at `at` after `call`, read by running it for each. */
function bytesAfter(
  imports: string,
  call: string,
  at: number,
  size: number,
  guest: Partial<Guest>,
): Uint8Array {
  return Uint8Array.from(
    { length: size },
    (_, index) => run(imports + EXIT, byteAfter(call, at + index), guest).code,
  );
}

const SIZES = "(i32.const 0) (i32.const 4)";
/** Pointers at 64, text at 256. */
const GET = "(i32.const 64) (i32.const 256)";

for (const what of ["args", "environ"] as const) {
  const lists = [
    [],
    ["a"],
    ["B=2", "A=1", "B=3", "B=2"],
    ["NAME", "=", "", "A=", "PATH=/usr/bin:/bin=x"],
    ["é=€", "日本=語😀"],
    ["1=b", "0=a", "__proto__=x", "constructor=y"],
  ];
  for (const list of lists) {
    Deno.test(`Program.run() gives ${what} verbatim: ${JSON.stringify(list)}`, () => {
      const guest = what === "args" ? { args: list } : { env: list };
      const text = new TextEncoder().encode(list.map((entry) => `${entry}\0`).join(""));
      const sizes = bytesAfter(
        wasi(`${what}_sizes_get`, 2),
        `(call $${what}_sizes_get ${SIZES})`,
        0,
        8,
        guest,
      );
      assert.deepEqual([...new Uint32Array(sizes.buffer)], [list.length, text.length]);
      const imports = wasi(`${what}_get`, 2);
      assert.deepEqual(
        bytesAfter(imports, `(call $${what}_get ${GET})`, 256, text.length, guest),
        text,
      );
      const pointers = bytesAfter(
        imports,
        `(call $${what}_get ${GET})`,
        64,
        4 * list.length,
        guest,
      );
      let at = 256;
      const expected = list.map((entry) => {
        const here = at;
        at += new TextEncoder().encode(entry).length + 1;
        return here;
      });
      assert.deepEqual([...new Uint32Array(pointers.buffer)], expected);
    });
  }
}

const PAGE = 65536;
const EFAULT = 100 + 21;

Deno.test.each([
  ["environ_sizes_get", `(i32.const ${PAGE - 3}) (i32.const 0)`],
  ["environ_sizes_get", `(i32.const 0) (i32.const ${PAGE - 3})`],
  ["environ_sizes_get", `(i32.const -4) (i32.const 0)`],
  ["environ_get", `(i32.const ${PAGE - 7}) (i32.const 0)`],
  ["environ_get", `(i32.const 0) (i32.const ${PAGE - 7})`],
  ["environ_get", `(i32.const 0) (i32.const -1)`],
  ["random_get", `(i32.const ${PAGE - 7}) (i32.const 8)`],
  ["random_get", `(i32.const 0) (i32.const ${PAGE + 1})`],
  ["random_get", `(i32.const 8) (i32.const -8)`],
  ["random_get", `(i32.const -1) (i32.const -1)`],
])("Program.run() answers EFAULT to %s %s", (name, parameters) => {
  const env = ["A=1", "B=2"]; // 8 bytes of pointers and of text
  assert.equal(
    run(wasi(name, 2) + EXIT, byteAfter(`(call $${name} ${parameters})`, 0), { env }).code,
    EFAULT,
  );
});

Deno.test.each([
  ["environ_sizes_get", `(i32.const ${PAGE - 4}) (i32.const ${PAGE - 8})`],
  ["environ_get", `(i32.const ${PAGE - 8}) (i32.const ${PAGE - 16})`],
  ["environ_get", `(i32.const 1) (i32.const 13)`],
  ["random_get", `(i32.const ${PAGE - 8}) (i32.const 8)`],
  ["random_get", `(i32.const ${PAGE}) (i32.const 0)`],
])("Program.run() takes the last bytes of memory, and odd addresses: %s %s", (name, parameters) => {
  const env = ["A=1", "B=2"];
  assert.ok(
    run(wasi(name, 2) + EXIT, byteAfter(`(call $${name} ${parameters})`, 32), { env }).code < 100,
  );
});

Deno.test("Program.run() draws other random bytes each time", () => {
  const body = byteAfter("(call $random_get (i32.const 16) (i32.const 4))", 16);
  const draws = Array.from({ length: 64 }, () => run(wasi("random_get", 2) + EXIT, body).code);
  assert.ok(new Set(draws).size > 16, `${draws}`);
});

Deno.test("Program.run() leaves the memory around random bytes alone", () => {
  for (const at of [15, 48]) {
    const body = byteAfter("(call $random_get (i32.const 16) (i32.const 32))", at);
    assert.equal(run(wasi("random_get", 2) + EXIT, body).code, 0);
  }
});
