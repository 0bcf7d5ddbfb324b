import assert from "node:assert/strict";
import wabt from "wabt";
import { limitMemories } from "./memory_limit.ts";

const { parseWat } = await wabt();
const PAGE = 65536;
const FEATURES = { memory64: true, multi_memory: true, threads: true, exceptions: true };

function wat(source: string): Uint8Array<ArrayBuffer> {
  const module = parseWat("test.wat", source, FEATURES);
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}

/** A module with these sections, `id` and content. */
function binary(...sections: [number, number[]][]): Uint8Array<ArrayBuffer> {
  const bytes = sections.flatMap(([id, content]) => [id, content.length, ...content]);
  return Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...bytes);
}

/** A component (layer 1) with these sections. */
function component(...sections: [number, Uint8Array][]): Uint8Array<ArrayBuffer> {
  const bytes = sections.flatMap(([id, content]) => [id, content.length, ...content]);
  return Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...bytes);
}

const limited = (code: Uint8Array<ArrayBuffer>, pages: number) =>
  limitMemories(code, pages * PAGE, "/app.wasm");

/** How many pages the memory of `code`, which exports "memory", can be made to have. */
function grown(code: Uint8Array<ArrayBuffer>): number {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
  const memory = exports.memory as WebAssembly.Memory;
  for (;;) {
    try {
      memory.grow(1);
    } catch (error) {
      assert.ok(error instanceof RangeError);
      return memory.buffer.byteLength / PAGE;
    }
  }
}

Deno.test.each([
  ['(memory (export "memory") 1)', 3, 3],
  ['(memory (export "memory") 3)', 3, 3],
  ['(memory (export "memory") 0)', 1, 1],
  ['(memory (export "memory") 1 9)', 3, 3],
  ['(memory (export "memory") 1 2)', 3, 2],
  ['(memory (export "memory") 1 3)', 3, 3],
  ['(memory (export "memory") 1 200)', 130, 130],
])(
  "limitMemories() lets the memory of %s grow to a limit of %d pages: to %d",
  (text, limit, pages) => {
    assert.equal(grown(limited(wat(`(module ${text})`), limit)), pages);
  },
);

Deno.test("limitMemories() makes memory.grow answer -1 beyond it", () => {
  const code = wat(`(module (memory 1) (func (export "f") (param i32) (result i32)
    (memory.grow (local.get 0))))`);
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(limited(code, 4)))
    .exports as { f: (pages: number) => number };
  assert.equal(f(4), -1);
  assert.equal(f(3), 1);
  assert.equal(f(1), -1);
  assert.equal(f(0), 4);
});

Deno.test("limitMemories() rounds a limit down to whole pages", () => {
  const code = wat('(module (memory (export "memory") 1))');
  assert.equal(grown(limitMemories(code, 3 * PAGE - 1, "/app.wasm")), 2);
});

Deno.test("limitMemories() answers the same bytes when nothing may grow beyond", () => {
  for (
    const source of [
      "(module)",
      "(module (func))",
      "(module (memory 1 2))",
      "(module (memory 0 0))",
      '(module (import "a" "b" (memory 1 3)))',
      '(module (import "a" "b" (func)) (import "a" "c" (table 1 funcref)))',
    ]
  ) {
    const code = wat(source);
    assert.equal(limited(code, 3), code, source);
  }
  const code = wat("(module (memory 1))");
  assert.equal(limited(code, 65536), code);
  assert.equal(limited(code, 70000), code);
});

Deno.test("limitMemories() finds the memory among imports of every kind", () => {
  const code = wat(`(module
    (import "a" "func" (func (param i32)))
    (import "a" "table" (table 1 10 funcref))
    (import "a" "global" (global (mut i64)))
    (import "a" "tag" (tag (param i32)))
    (import "a" "memory" (memory 1))
    (import "\\c3\\a4" "after" (func)))`);
  const type = WebAssembly.Module.imports(new WebAssembly.Module(limited(code, 3)));
  assert.deepEqual(type.map(({ name }) => name), [
    ...["func", "table", "global", "tag", "memory", "after"],
  ]);
  const imports = (maximum?: number) => ({
    a: {
      ...{
        func() {},
        table: new WebAssembly.Table({ initial: 1, maximum: 10, element: "anyfunc" }),
      },
      global: new WebAssembly.Global({ value: "i64", mutable: true }, 0n),
      // deno-lint-ignore no-explicit-any
      tag: new (WebAssembly as any).Tag({ parameters: ["i32"] }),
      memory: new WebAssembly.Memory({ initial: 1, maximum }),
    },
    ä: { after() {} },
  });
  const module = new WebAssembly.Module(limited(code, 3));
  new WebAssembly.Instance(module, imports(3));
  assert.throws(() => new WebAssembly.Instance(module, imports(4)), WebAssembly.LinkError);
  assert.throws(() => new WebAssembly.Instance(module, imports()), WebAssembly.LinkError);
});

Deno.test("limitMemories() reads imports of typed references", () => {
  // "a" "b": a table of (ref null 5), a global of (ref func); "a" "m": a memory.
  const content = [
    ...[3, 1, 0x61, 1, 0x62, 1, 0x63, 5, 0, 1],
    ...[1, 0x61, 1, 0x62, 3, 0x64, 0x70, 0],
    ...[1, 0x61, 1, 0x6d, 2, 0, 1],
  ];
  const expected = [...content.slice(0, -2), 1, 1, 3];
  assert.deepEqual(limited(binary([2, content]), 3), binary([2, expected]));
});

Deno.test("limitMemories() limits each of several memories", () => {
  const code = wat('(module (memory 1) (memory 1 2) (memory (export "memory") 2 20))');
  assert.deepEqual(
    limited(code, 3),
    wat('(module (memory 1 3) (memory 1 2) (memory (export "memory") 2 3))'),
  );
});

Deno.test("limitMemories() knows shared and 64-bit memories and other page sizes", () => {
  assert.deepEqual(
    limited(wat("(module (memory 1 8 shared))"), 3),
    wat("(module (memory 1 3 shared))"),
  );
  assert.deepEqual(limited(wat("(module (memory i64 1))"), 3), wat("(module (memory i64 1 3))"));
  assert.deepEqual(
    limited(wat("(module (memory i64 1 0x10000000000))"), 3),
    wat("(module (memory i64 1 3))"),
  );
  // Pages of one byte: flags 8, the logarithm at the end.
  assert.deepEqual(
    limitMemories(binary([5, [1, 8, 100, 0]]), 300, "/app.wasm"),
    binary([5, [1, 9, 100, 0xac, 2, 0]]),
  );
  assert.deepEqual(
    limitMemories(binary([5, [1, 9, 100, 0xac, 3, 0]]), 300, "/app.wasm"),
    binary([5, [1, 9, 100, 0xac, 2, 0]]),
  );
  assert.deepEqual(
    limitMemories(binary([5, [1, 12, 100, 0]]), 300, "/app.wasm"),
    binary([5, [1, 13, 100, 0xac, 2, 0]]),
  );
});

Deno.test("limitMemories() keeps every other byte", () => {
  const code = wat(`(module (func $f (export "f") (result i32) (i32.load (i32.const 0)))
    (memory 1) (data (i32.const 0) "\\2a"))`);
  const result = limited(code, 3);
  assert.equal(result.length, code.length + 1);
  const exports = new WebAssembly.Instance(new WebAssembly.Module(result)).exports;
  assert.equal((exports.f as () => number)(), 42);
  assert.deepEqual(
    code,
    wat(`(module (func $f (export "f") (result i32) (i32.load (i32.const 0)))
    (memory 1) (data (i32.const 0) "\\2a"))`),
  );
});

Deno.test("limitMemories() reads numbers that are longer than needed", () => {
  const code = binary([5, [0x81, 0x00, 0, 0x81, 0x80, 0x80, 0x80, 0x00]]);
  assert.equal(
    grown(
      limited(
        binary([5, [0x81, 0, 0, 0x81, 0x80, 0x80, 0x80, 0]], [7, [
          1,
          6,
          ...new TextEncoder().encode("memory"),
          2,
          0,
        ]]),
        3,
      ),
    ),
    3,
  );
  assert.deepEqual(limited(code, 3), binary([5, [0x81, 0x00, 1, 1, 3]]));
});

Deno.test.each([
  ["(memory 4)", "memory 0 of /app.wasm: it begins with 262144 bytes: above the limit of 196608"],
  ["(memory 4 9)", "memory 0 of /app.wasm: it begins with 262144 bytes: above the limit of 196608"],
  [
    '(import "a" "b" (memory 1)) (memory 3) (memory 5)',
    "memory 2 of /app.wasm: it begins with 327680 bytes: above the limit of 196608",
  ],
  [
    '(import "a" "b" (memory 70))',
    "memory 0 of /app.wasm: it begins with 4587520 bytes: above the limit of 196608",
  ],
])("limitMemories() refuses %s", (source, message) => {
  assert.throws(() => limited(wat(`(module ${source})`), 3), {
    kind: "InvalidArgument",
    message: `limit ${message}`,
  });
});

Deno.test("limitMemories() limits the modules of a component, and of those in it", () => {
  const custom: [number, Uint8Array] = [0, Uint8Array.of(1, 0x78)];
  const make = (module: Uint8Array) =>
    component(custom, [1, module], [2, Uint8Array.of(0)], [4, component(custom, [1, module])]);
  const code = make(wat("(module (memory 1))"));
  assert.deepEqual(limited(code, 3), make(wat("(module (memory 1 3))")));
  assert.equal(limited(code, 65536), code);
  assert.throws(() => limited(make(wat("(module (memory 4))")), 3), { kind: "InvalidArgument" });
});

Deno.test("limitMemories() leaves what is malformed to the compiler", () => {
  const whole = wat('(module (import "a" "b" (memory 1)) (memory 1) (memory 1 9))');
  for (let size = 0; size < whole.length; size++) {
    const cut = whole.slice(0, size);
    const result = limited(cut, 3);
    if (result !== cut) assert.equal(WebAssembly.validate(cut), WebAssembly.validate(result));
  }
  for (
    const code of [
      new Uint8Array(),
      new TextEncoder().encode("#!/bin/sh\n"),
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0),
      binary([5, []]),
      binary([5, [2, 0, 1]]), // says two, has one
      binary([5, [1, 0, 1, 0]]), // a byte too much
      binary([5, [1, 0x10, 1]]), // a bit that is not known
      binary([5, [1, 0x81, 0, 1]]),
      binary([5, [1, 0, 0x80]]),
      binary([5, [1, 0, ...Array(10).fill(0x80), 0]]), // a number of 11 bytes
      binary([5, [1, 1, 9, 2]]), // at least nine, at most two
      binary([5, [1, 8, 1, 17]]), // pages larger than those without a size
      binary([5, [0xff, 0xff, 0xff, 0xff, 0x0f]]),
      binary([2, [1, 1, 0x61, 1, 0x62, 9, 0]]), // an import of no kind
      component([1, Uint8Array.of(1, 2, 3)]),
    ]
  ) {
    assert.equal(limited(code, 3), code, code.toHex());
    assert.equal(WebAssembly.validate(code), false, code.toHex());
  }
});

Deno.test("limitMemories() never makes valid what is not, whatever byte is changed", () => {
  const whole = wat(
    '(module (import "a" "b" (memory 1)) (table 2 funcref) (memory 1) (memory 1 9) (func))',
  );
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 1, 2, 5, 0x0f, 0x7f, 0x80, 0xff]) {
      const code = whole.slice();
      code[at] = value;
      let result: Uint8Array<ArrayBuffer>;
      try {
        result = limited(code, 3);
      } catch (error) {
        assert.equal((error as { kind?: string }).kind, "InvalidArgument");
        continue;
      }
      assert.equal(WebAssembly.validate(result), WebAssembly.validate(code), `${at}: ${value}`);
    }
  }
});
