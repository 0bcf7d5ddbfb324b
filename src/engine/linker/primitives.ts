/** Numbers, characters and truth values. */

import type { Codec, CoreType, CoreValue } from "./codec.ts";
import type { Primitive } from "./types.ts";

export const PRIMITIVES: Record<Exclude<Primitive, "string">, Codec> = {
  bool: scalar(1, "i32", (v, at) => v.getUint8(at) !== 0, (v, at, x) => v.setUint8(at, x ? 1 : 0), {
    lift: (value) => value !== 0,
    lower: (value) => value ? 1 : 0,
  }),
  s8: scalar(1, "i32", (v, at) => v.getInt8(at), (v, at, x) => v.setInt8(at, x as number), {
    lift: (value) => Number(value) << 24 >> 24,
  }),
  u8: scalar(1, "i32", (v, at) => v.getUint8(at), (v, at, x) => v.setUint8(at, x as number), {
    lift: (value) => Number(value) & 0xff,
  }),
  s16: scalar(2, "i32", (v, at) => v.getInt16(at, true), (v, at, x) => {
    v.setInt16(at, x as number, true);
  }, { lift: (value) => Number(value) << 16 >> 16 }),
  u16: scalar(2, "i32", (v, at) => v.getUint16(at, true), (v, at, x) => {
    v.setUint16(at, x as number, true);
  }, { lift: (value) => Number(value) & 0xffff }),
  s32: scalar(4, "i32", (v, at) => v.getInt32(at, true), (v, at, x) => {
    v.setInt32(at, x as number, true);
  }),
  u32: scalar(4, "i32", (v, at) => v.getUint32(at, true), (v, at, x) => {
    v.setUint32(at, x as number, true);
  }, { lift: (value) => Number(value) >>> 0 }),
  char: scalar(4, "i32", (v, at) => character(v.getUint32(at, true)), (v, at, x) => {
    v.setUint32(at, (x as string).codePointAt(0)!, true);
  }, { lift: (value) => character(Number(value)), lower: (x) => (x as string).codePointAt(0)! }),
  s64: scalar(8, "i64", (v, at) => v.getBigInt64(at, true), (v, at, x) => {
    v.setBigInt64(at, x as bigint, true);
  }),
  u64: scalar(8, "i64", (v, at) => v.getBigUint64(at, true), (v, at, x) => {
    v.setBigUint64(at, x as bigint, true);
  }, { lift: (value) => BigInt.asUintN(64, value as bigint) }),
  f32: scalar(4, "f32", (v, at) => v.getFloat32(at, true), (v, at, x) => {
    v.setFloat32(at, x as number, true);
  }),
  f64: scalar(8, "f64", (v, at) => v.getFloat64(at, true), (v, at, x) => {
    v.setFloat64(at, x as number, true);
  }),
};

function character(code: number): string {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
    throw new WebAssembly.RuntimeError(`not a character: ${code}`);
  }
  return String.fromCodePoint(code);
}

function scalar(
  size: number,
  flat: CoreType,
  load: (view: DataView, at: number) => unknown,
  store: (view: DataView, at: number, value: unknown) => void,
  { lift = (value) => value, lower = (value) => value as CoreValue }: {
    lift?: (value: CoreValue) => unknown;
    lower?: (value: unknown) => CoreValue;
  } = {},
): Codec {
  return {
    ...{ size, alignment: size, flat: [flat] },
    load: (memory, at) => load(memory.view, at),
    store: (memory, value, at) => store(memory.view, at, value),
    lift: (_, values, index) => lift(values[index]),
    lower: (_, value) => lower(value),
  };
}
