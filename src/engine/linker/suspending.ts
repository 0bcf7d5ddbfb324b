/**
 * Functions that suspend their guest only when they must. A WebAssembly.Suspending function does so at every call, which costs
 * a turn of the event loop's; most blocking calls find what they want at once. So there is a module between: each of
 * its functions calls a plain one, and a suspending one only when that answers 1.
 *
 *     (func (export "N") (param ...) (if (call $tryN (local.get 0) ...) (then (call $wait))))
 */

import type { CoreType, CoreValue } from "./codec.ts";
import { Suspending } from "./jspi.ts";

/** A core function without results; a promise when it has to wait. */
export type MayWait = (...values: CoreValue[]) => unknown;

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const TYPES: Record<CoreType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c };
const FUNCTION = 0x60;
const OP = { if: 0x04, end: 0x0b, call: 0x10, localGet: 0x20, empty: 0x40 } as const;
/** External names: the module is "". */
const FUNCTION_KIND = 0x00;

/** The module, for functions with these parameters. */
export function suspendingModule(parameters: readonly CoreType[][]): WebAssembly.Module {
  const count = parameters.length;
  const types = [[FUNCTION, 0, 0]]; // that of $wait
  for (const list of parameters) {
    const codes = list.map((type) => TYPES[type]);
    types.push([FUNCTION, ...leb(list.length), ...codes, 1, TYPES.i32]); // $tryN
    types.push([FUNCTION, ...leb(list.length), ...codes, 0]);
  }
  const imported = (name: string, type: number) => [0, ...text(name), FUNCTION_KIND, ...leb(type)];
  const tryType = (index: number) => 1 + 2 * index;
  const code = [
    ...PREAMBLE,
    ...section(SECTION.type, types),
    ...section(SECTION.import, [
      imported("wait", 0),
      ...parameters.map((_, index) => imported(`${index}`, tryType(index))),
    ]),
    ...section(SECTION.function, parameters.map((_, index) => leb(tryType(index) + 1))),
    ...section(
      SECTION.export,
      parameters.map((_, index) => [
        ...text(`${index}`),
        FUNCTION_KIND,
        ...leb(1 + count + index),
      ]),
    ),
    ...section(
      SECTION.code,
      parameters.map((list, index) => {
        const body = [
          0, // no locals
          ...list.flatMap((_, local) => [OP.localGet, ...leb(local)]),
          ...[OP.call, ...leb(1 + index), OP.if, OP.empty, OP.call, 0, OP.end, OP.end],
        ];
        return [...leb(body.length), ...body];
      }),
    ),
  ];
  return new WebAssembly.Module(new Uint8Array(code));
}

/** The functions of `calls` as core functions that suspend, of a module made for their parameters. */
export function suspendingFunctions(
  module: WebAssembly.Module,
  calls: readonly MayWait[],
): WebAssembly.ImportValue[] {
  if (calls.length === 0) return [];
  let pending: unknown; // of one guest, which waits for one thing at a time
  const imports: Record<string, WebAssembly.ImportValue> = {
    wait: new Suspending(() => pending),
  };
  calls.forEach((call, index) => {
    imports[index] = (...values: CoreValue[]) => {
      pending = call(...values);
      return pending instanceof Promise ? 1 : 0;
    };
  });
  const { exports } = new WebAssembly.Instance(module, { "": imports });
  return calls.map((_, index) => exports[index]);
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...leb(value >>> 7)];
}

function text(value: string): number[] {
  return [...leb(value.length), ...new TextEncoder().encode(value)];
}

function section(id: number, items: readonly number[][]): number[] {
  const content = [...leb(items.length), ...items.flat()];
  return [id, ...leb(content.length), ...content];
}
