import assert from "node:assert/strict";
import { codecOf } from "./abi.ts";
import type { CoreType, CoreValue } from "./codec.ts";
import { GuestMemory, Handles } from "./memory.ts";
import type { ValueType } from "./types.ts";

const RESULT_AT = 16;
const FIRST_FREE = 256;

/** A memory of one page whose allocator never frees. */
function newMemory() {
  const memory = new WebAssembly.Memory({ initial: 1 });
  let next = FIRST_FREE;
  const realloc = (_: number, __: number, alignment: number, size: number) => {
    const at = Math.ceil(next / alignment) * alignment;
    next = at + size;
    return at;
  };
  return new GuestMemory(new Handles(), { memory: () => memory, realloc: () => realloc });
}

const text = (value: string) => new TextEncoder().encode(value);
const u8: ValueType = { kind: "u8" };
const u16: ValueType = { kind: "u16" };
const u64: ValueType = { kind: "u64" };
const string: ValueType = { kind: "string" };
const option = (item: ValueType): ValueType => ({ kind: "option", item });

/** Types with a value, where its bytes are to be, and what it is as parameters. */
const CASES: [
  name: string,
  type: ValueType,
  value: unknown,
  bytes: string,
  flat: CoreType[],
][] = [
  ["bool", { kind: "bool" }, true, "01", ["i32"]],
  ["s8", { kind: "s8" }, -2, "fe", ["i32"]],
  ["u16", u16, 0xabcd, "cdab", ["i32"]],
  ["s32", { kind: "s32" }, -1, "ffffffff", ["i32"]],
  ["u64", u64, 2n ** 63n, "0000000000000080", ["i64"]],
  ["f64", { kind: "f64" }, 1.5, "000000000000f83f", ["f64"]],
  ["char", { kind: "char" }, "😀", "00f60100", ["i32"]],
  ["string", string, "é", "0001000002000000", ["i32", "i32"]],
  ["empty string", string, "", "0000000000000000", ["i32", "i32"]],
  ["list of u8", { kind: "list", item: u8 }, Uint8Array.of(1, 2), "0001000002000000", [
    "i32",
    "i32",
  ]],
  ["enum", { kind: "enum", names: ["a", "b"] }, "b", "01", ["i32"]],
  [
    "flags",
    { kind: "flags", names: ["read-only", "x", "y"] },
    { readOnly: true, x: false, y: true },
    "05",
    ["i32"],
  ],
  [
    "record, with its padding",
    { kind: "record", fields: [["a-b", u8], ["c", u64], ["d", u16]] },
    { aB: 1, c: 2n, d: 3 },
    "010000000000000002000000000000000300000000000000",
    ["i32", "i64", "i32"],
  ],
  ["tuple", { kind: "tuple", items: [u16, u8] }, [1, 2], "01000200", ["i32", "i32"]],
  ["option", option(u8), 7, "0107", ["i32", "i32"]],
  ["no option", option(u8), undefined, "00", ["i32", "i32"]],
  ["option in an option", option(option(u8)), { tag: "some", val: undefined }, "0100", [
    ...["i32", "i32", "i32"] as CoreType[],
  ]],
  [
    "variant with a payload",
    { kind: "variant", cases: [["none", undefined], ["big", u64], ["small", u8]] },
    { tag: "small", val: 9 },
    "02000000000000000900",
    ["i32", "i64"],
  ],
  ["result", { kind: "result", ok: undefined, error: u8 }, { tag: "err", val: 3 }, "0103", [
    "i32",
    "i32",
  ]],
];

for (const [name, type, value, bytes, flat] of CASES) {
  Deno.test(`codecOf() has the canonical form of ${name}`, () => {
    const memory = newMemory();
    const codec = codecOf(type);
    codec.store(memory, value, RESULT_AT);
    const expected = Uint8Array.fromHex(bytes);
    assert.deepEqual(memory.slice(RESULT_AT, expected.length), expected);
    assert.equal(RESULT_AT % codec.alignment, 0);
    assert.deepEqual(codec.load(memory, RESULT_AT), value);
    assert.deepEqual(codec.flat, flat);
  });
}

/** Flat parameters as a guest passes them. */
const LIFTED: [name: string, type: ValueType, flat: CoreValue[], value: unknown][] = [
  ["u8 of a larger number", u8, [0x1ff], 0xff],
  ["s8", { kind: "s8" }, [0x80], -128],
  ["u32", { kind: "u32" }, [-1], 0xffffffff],
  ["u64", u64, [-1n], 2n ** 64n - 1n],
  [
    "case in a joined slot",
    { kind: "variant", cases: [["a", u64], ["b", u8]] },
    [1, -1n],
    { tag: "b", val: 255 },
  ],
  [
    "float in a joined slot",
    { kind: "variant", cases: [["a", u64], ["b", { kind: "f64" }]] },
    [1, 0x3ff8000000000000n],
    { tag: "b", val: 1.5 },
  ],
  ["record", { kind: "record", fields: [["a", u8], ["b", option(u64)]] }, [1, 1, 5n], {
    a: 1,
    b: 5n,
  }],
];

Deno.test.each(LIFTED)("Codec.lift() takes parameters: %s", (_, type, flat, value) => {
  assert.deepEqual(codecOf(type).lift(newMemory(), [0, ...flat], 1), value);
});

Deno.test("Codec.load() copies strings of all lengths and letters", () => {
  for (const value of ["a", "x".repeat(32), "x".repeat(33), "é".repeat(20), "\0", "日本語"]) {
    const memory = newMemory();
    codecOf(string).store(memory, value, RESULT_AT);
    assert.equal(codecOf(string).load(memory, RESULT_AT), value);
    const { length } = text(value);
    assert.deepEqual(memory.slice(FIRST_FREE, length), text(value));
  }
});

const PAGE = 65536;

Deno.test.each<[string, ValueType, CoreValue[]]>([
  ["string past the end", string, [PAGE - 1, 2]],
  ["string at a negative address", string, [-1, 1]],
  ["list past the end", { kind: "list", item: u64 }, [0, PAGE / 8 + 1]],
  ["list of 2^32 bytes and more", { kind: "list", item: u64 }, [8, 0x20000000]],
  ["case that is none", { kind: "enum", names: ["a"] }, [1]],
  ["surrogate", { kind: "char" }, [0xd800]],
  ["unknown handle", { kind: "own", resource: { name: "r" } }, [1]],
  ["handle 0", { kind: "borrow", resource: { name: "r" } }, [0]],
])("Codec.lift() traps at a %s", (_, type, flat) => {
  assert.throws(() => codecOf(type).lift(newMemory(), flat, 0), WebAssembly.RuntimeError);
});

Deno.test("GuestMemory finds its memory after it has grown", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const guest = new GuestMemory(new Handles(), { memory: () => memory });
  guest.view.setUint8(0, 7);
  memory.grow(1);
  assert.equal(guest.bytes.length, 2 * PAGE);
  assert.equal(guest.view.getUint8(0), 7);
});

Deno.test("Handles gives numbers again, and never those that are in use", () => {
  const handles = new Handles();
  const [a, b] = [{ name: "a" }, { name: "b" }];
  assert.deepEqual([handles.add(a), handles.add(b)], [1, 2]);
  assert.equal(handles.take(1), a);
  assert.throws(() => handles.get(1), /unknown handle 1/);
  assert.throws(() => handles.take(1), /unknown handle 1/);
  assert.equal(handles.add(a), 1);
  assert.equal(handles.size, 2);
  assert.deepEqual([...handles.drain()], [a, b]);
  assert.equal(handles.size, 0);
});
