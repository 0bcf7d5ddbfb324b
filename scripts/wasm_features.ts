/**
 * What WebAssembly the engines take, each proposal with a module that needs it: docs/wasm-features.md is made of this, and
 * its test runs every module in every engine.
 *
 *     deno run -A scripts/wasm_features.ts     writes the table into docs/wasm-features.md
 */

import wabt from "wabt";

export interface Feature {
  /** As its proposal or specification calls it. */
  name: string;
  /** The version of the specification that has it, or how far its proposal is. */
  status: string;
  /** Its repository below github.com/WebAssembly. */
  proposal: string;
  /** Whether the engines take it. */
  taken: boolean;
  /** What a reader has to know. */
  note?: string;
  /** A module that needs it, whose `_start` traps unless all went well: sections in hexadecimal, or a text for wabt. */
  module: { text: string } | { sections: Section[] };
}

/** A `_start` that traps unless the i32 of `expression` is `expected`. */
const expect = (expression: string, expected: number) =>
  `(func (export "_start") (if (i32.ne ${expression} (i32.const ${expected})) (then unreachable)))`;

const text = (...parts: string[]) => ({ text: `(module ${parts.join(" ")})` });

type Section = [id: number, content: string];
const SECTION = {
  custom: 0,
  type: 1,
  function: 3,
  memory: 5,
  export: 7,
  element: 9,
  code: 10,
  tag: 13,
};

/** Function 0 as "_start". */
const START: Section = [SECTION.export, "01 06 5f7374617274 00 00"];
/** The type () -> (), which is type 0 of every module here. */
const VOID = "60 00 00";

/** Instructions that trap unless there is a 42 on the stack. */
const EXPECT_42 = "41 2a 47 04 40 00 0b";

/** `instructions`, without the end, as a module with one function. */
const only = (instructions: string, ...types: string[]): Section[] => [
  [SECTION.type, `${count(types.length + 1)} ${VOID} ${types.join(" ")}`],
  [SECTION.function, "01 00"],
  START,
  code(instructions),
];

function code(...bodies: string[]): Section {
  const parts = bodies.map((body) => sized(`00 ${body} 0b`));
  return [SECTION.code, `${count(parts.length)} ${parts.join(" ")}`];
}

const count = (value: number) => value.toString(16).padStart(2, "0"); // LEB128 below 128

/** Its size before `content`. */
const sized = (content: string) => `${count(content.replaceAll(" ", "").length / 2)} ${content}`;

export const FEATURES: readonly Feature[] = [
  {
    ...{ name: "Import and export of mutable globals", proposal: "mutable-global" },
    ...{ status: "1.0 and later", taken: true },
    module: text('(global (export "g") (mut i32) (i32.const 3))', expect("(global.get 0)", 3)),
  },
  {
    ...{ name: "Sign extension", proposal: "sign-extension-ops", status: "2.0", taken: true },
    module: text(expect("(i32.extend8_s (i32.const 0xff))", -1)),
  },
  {
    name: "Non-trapping float-to-int conversions",
    ...{ proposal: "nontrapping-float-to-int-conversions", status: "2.0", taken: true },
    module: text(expect("(i32.trunc_sat_f32_s (f32.const nan))", 0)),
  },
  {
    ...{ name: "Multi-value", proposal: "multi-value", status: "2.0", taken: true },
    module: text(
      "(func $two (result i32 i32) (i32.const 1) (i32.const 2))",
      expect("(i32.add (call $two))", 3),
    ),
  },
  {
    ...{ name: "Bulk memory operations", proposal: "bulk-memory-operations" },
    ...{ status: "2.0", taken: true },
    module: text(
      '(memory 1) (data "\\05")',
      `(func $fill (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop 0)
        (memory.fill (i32.const 1) (i32.const 7) (i32.const 4))
        (memory.copy (i32.const 8) (i32.const 0) (i32.const 2)))`,
      expect("(i32.load16_u (block (result i32) (call $fill) (i32.const 8)))", 0x0705),
    ),
  },
  {
    ...{ name: "Reference types", proposal: "reference-types", status: "2.0", taken: true },
    module: text(
      "(table $t 0 externref)",
      expect("(i32.add (table.grow $t (ref.null extern) (i32.const 2)) (table.size $t))", 2),
    ),
  },
  {
    ...{ name: "Fixed-width SIMD", proposal: "simd", status: "2.0", taken: true },
    module: text(
      expect(
        "(i32x4.extract_lane 3 (i32x4.add (v128.const i32x4 1 2 3 4) (i32x4.splat (i32.const 5))))",
        9,
      ),
    ),
  },
  {
    ...{ name: "Relaxed SIMD", proposal: "relaxed-simd", status: "3.0", taken: true },
    module: text(
      expect(
        "(i32x4.extract_lane 0 (i32x4.relaxed_trunc_f32x4_s (f32x4.splat (f32.const 4.5))))",
        4,
      ),
    ),
  },
  {
    ...{ name: "Tail calls", proposal: "tail-call", status: "3.0", taken: true },
    module: text(
      `(func $count (param i32) (result i32) (if (result i32) (local.get 0)
        (then (return_call $count (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))`,
      expect("(call $count (i32.const 1000000))", 1),
    ),
  },
  {
    ...{ name: "Extended constant expressions", proposal: "extended-const" },
    ...{ status: "3.0", taken: true },
    module: text(
      "(global i32 (i32.add (i32.const 20) (i32.const 22)))",
      expect("(global.get 0)", 42),
    ),
  },
  {
    ...{ name: "Multiple memories", proposal: "multi-memory", status: "3.0", taken: true },
    note: "WASI uses the one that is exported as `memory`.",
    module: text(
      "(memory $a 1) (memory $b 1)",
      "(func $store (i32.store8 $b (i32.const 0) (i32.const 42)))",
      expect(
        "(i32.add (i32.load8_u $a (block (result i32) (call $store) (i32.const 0))) (i32.load8_u $b (i32.const 0)))",
        42,
      ),
    ),
  },
  {
    ...{ name: "64-bit memory", proposal: "memory64", status: "3.0", taken: true },
    note: "WASI preview 1 has 32-bit addresses: a module with such a memory can compute, not call.",
    module: text("(memory i64 1)", expect("(i32.load (i64.const 65532))", 0)),
  },
  {
    ...{ name: "Exception handling, with exnref", proposal: "exception-handling" },
    ...{ status: "3.0", taken: true },
    // block (result i32) { try_table (catch 0 0) { i32.const 42 throw 0 } unreachable }
    module: {
      sections: [
        [SECTION.type, `02 ${VOID} 60 01 7f 00`],
        [SECTION.function, "01 00"],
        [SECTION.tag, "01 00 01"],
        START,
        code(`02 7f 1f 40 01 00 00 00 41 2a 08 00 0b 00 0b ${EXPECT_42}`),
      ],
    },
  },
  {
    ...{ name: "Exception handling, before exnref", proposal: "exception-handling" },
    ...{ status: "legacy", taken: true },
    module: text(
      "(tag $e (param i32))",
      expect("(try (result i32) (do (throw $e (i32.const 42))) (catch $e))", 42),
    ),
  },
  {
    ...{ name: "Typed function references", proposal: "function-references" },
    ...{ status: "3.0", taken: true },
    // ref.func 1 call_ref 1; func 1: i32.const 42
    module: {
      sections: [
        [SECTION.type, `02 ${VOID} 60 00 01 7f`],
        [SECTION.function, "02 00 01"],
        START,
        [SECTION.element, "01 03 00 01 01"],
        code(`d2 01 14 01 ${EXPECT_42}`, "41 2a"),
      ],
    },
  },
  {
    ...{ name: "Garbage collection", proposal: "gc", status: "3.0", taken: true },
    // i32.const 42 struct.new 1 struct.get 1 0
    module: { sections: only(`41 2a fb 00 01 fb 02 01 00 ${EXPECT_42}`, "5f 01 7f 00") },
  },
  {
    ...{ name: "Threads and atomics", proposal: "threads", status: "proposal", taken: true },
    note:
      "Shared memories and atomic instructions. Nothing starts threads: there is no wasi-threads.",
    module: text(
      "(memory 1 1 shared)",
      expect(
        "(i32.add (i32.atomic.rmw.add (i32.const 0) (i32.const 42)) (i32.atomic.load (i32.const 0)))",
        42,
      ),
    ),
  },
  {
    ...{ name: "Branch hinting", proposal: "branch-hinting", status: "proposal", taken: true },
    note: "A hint: the module runs as it would without.",
    // Custom section metadata.code.branch_hint: function 0, one hint, at the if (offset 3), size 1, unlikely.
    module: {
      sections: [
        [SECTION.type, `01 ${VOID}`],
        [SECTION.function, "01 00"],
        START,
        [
          SECTION.custom,
          "19 6d657461646174612e636f64652e6272616e63685f68696e74 01 00 01 03 01 00",
        ],
        code("41 00 04 40 00 0b"),
      ],
    },
  },
  {
    ...{ name: "JavaScript string builtins", proposal: "js-string-builtins" },
    ...{ status: "3.0 (JavaScript's interface)", taken: false },
    note: "There is no JavaScript for a guest: its imports fail to link.",
    module: text(
      '(import "wasm:js-string" "length" (func (param externref) (result i32)))',
      '(func (export "_start"))',
    ),
  },
  {
    ...{
      name: "Custom page sizes",
      proposal: "custom-page-sizes",
      status: "proposal",
      taken: false,
    },
    module: {
      sections: [
        [SECTION.type, `01 ${VOID}`],
        [SECTION.function, "01 00"],
        [SECTION.memory, "01 08 01 00"],
        START,
        code(""),
      ],
    },
  },
  {
    ...{ name: "Stack switching", proposal: "stack-switching", status: "proposal", taken: false },
    // A continuation type.
    module: { sections: only("", "5d 00") },
  },
  {
    ...{ name: "Wide arithmetic", proposal: "wide-arithmetic", status: "proposal", taken: false },
    // i64.const 1, four times; i64.add128; drop drop
    module: { sections: only("42 01 42 01 42 01 42 01 fc 13 1a 1a") },
  },
  {
    ...{
      name: "Half precision (FP16)",
      proposal: "half-precision",
      status: "proposal",
      taken: false,
    },
    // f32.const 1 f16x8.splat drop
    module: { sections: only("43 0000803f fd a002 1a") },
  },
];

const HEADER = "0061736d01000000";
/** What wabt's parser takes. */
const WABT_FEATURES = {
  ...{ exceptions: true, threads: true, tail_call: true, extended_const: true, relaxed_simd: true },
  ...{ memory64: true, multi_memory: true },
};

/** The module of a feature, in binary. */
export async function featureModule({ module }: Feature): Promise<Uint8Array<ArrayBuffer>> {
  if ("sections" in module) {
    const sections = module.sections.map(([id, content]) => `${count(id)} ${sized(content)}`);
    return Uint8Array.fromHex([HEADER, ...sections].join("").replaceAll(" ", ""));
  }
  const parsed = (await wabt()).parseWat("feature.wat", module.text, WABT_FEATURES);
  try {
    return new Uint8Array(parsed.toBinary({}).buffer);
  } finally {
    parsed.destroy();
  }
}

/** The table of docs/wasm-features.md, in Markdown. */
export function featureTable(): string {
  const rows = FEATURES.map(({ name, proposal, status, taken, note = "" }) =>
    `| [${name}](https://github.com/WebAssembly/${proposal}) | ${status} | ${
      taken ? "yes" : "no"
    } | ${note} |`
  );
  return ["| proposal | specification | taken | |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}

export const FEATURES_PAGE = new URL("../docs/wasm-features.md", import.meta.url);
const BEGIN = "<!-- made by scripts/wasm_features.ts -->";

if (import.meta.main) {
  const page = await Deno.readTextFile(FEATURES_PAGE);
  const head = page.slice(0, page.indexOf(BEGIN) + BEGIN.length);
  await Deno.writeTextFile(FEATURES_PAGE, `${head}\n\n${featureTable()}\n`);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", FEATURES_PAGE.pathname] })
    .output();
}
