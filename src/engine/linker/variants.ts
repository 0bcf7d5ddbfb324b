/** Types of which a value is one of several cases. */

import { align, type Codec, type CoreType, type CoreValue, notOne, type Variant } from "./codec.ts";
import { PRIMITIVES } from "./primitives.ts";

interface Case {
  tag: string;
  codec: Codec | undefined;
}

/** A number of as many bytes as `count` values need. */
function discriminant(count: number): Codec {
  return PRIMITIVES[count <= 256 ? "u8" : count <= 65536 ? "u16" : "u32"];
}

/** A variant, between its number and payload, and its value. */
function casesCodec(
  cases: (Codec | undefined)[],
  make: (index: number, payload: unknown) => unknown,
  split: (value: unknown) => [index: number, payload: unknown],
): Codec {
  const number = discriminant(cases.length);
  const known = cases.filter((codec) => codec !== undefined);
  const alignment = Math.max(number.alignment, ...known.map((codec) => codec.alignment));
  const payloadAt = align(number.size, Math.max(1, ...known.map((codec) => codec.alignment)));
  const size = align(payloadAt + Math.max(0, ...known.map((codec) => codec.size)), alignment);
  const joined: CoreType[] = [];
  for (const { flat } of known) {
    flat.forEach((type, index) => joined[index] = join(joined[index] ?? type, type));
  }
  const checked = (index: number) => {
    if (index < cases.length) return index;
    throw new WebAssembly.RuntimeError(`case ${index} of ${cases.length}`);
  };
  return {
    ...{ size, alignment, flat: ["i32", ...joined] },
    load: (memory, at) => {
      const index = checked(number.load(memory, at) as number);
      return make(index, cases[index]?.load(memory, at + payloadAt));
    },
    store: (memory, value, at) => {
      const [index, payload] = split(value);
      number.store(memory, index, at);
      cases[index]?.store(memory, payload, at + payloadAt);
    },
    lift: (memory, values, at) => {
      const index = checked(Number(values[at]) >>> 0);
      const codec = cases[index];
      if (!codec) return make(index, undefined);
      const own = codec.flat.map((type, slot) => unjoin(values[at + 1 + slot], joined[slot], type));
      return make(index, codec.lift(memory, own, 0));
    },
    lower: (_, value) => joined.length === 0 ? split(value)[0] : notOne(),
  };
}

function join(a: CoreType, b: CoreType): CoreType {
  if (a === b) return a;
  return [a, b].every((type) => type === "i32" || type === "f32") ? "i32" : "i64";
}

const scratch = new DataView(new ArrayBuffer(8));

/** The value of type `type` that was passed in a slot of type `slot`. */
function unjoin(value: CoreValue, slot: CoreType, type: CoreType): CoreValue {
  if (slot === type) return value;
  if (type === "i32") return Number(BigInt.asIntN(32, value as bigint));
  scratch.setBigInt64(0, BigInt(value), true);
  return type === "f32" ? scratch.getFloat32(0, true) : scratch.getFloat64(0, true);
}

export function variantCodec(cases: Case[]): Codec {
  const indices = new Map(cases.map(({ tag }, index) => [tag, index]));
  return casesCodec(
    cases.map(({ codec }) => codec),
    (index, val) => cases[index].codec ? { tag: cases[index].tag, val } : { tag: cases[index].tag },
    (value) => {
      const { tag, val } = value as Variant;
      const index = indices.get(tag);
      if (index === undefined) throw new TypeError(`no case ${tag}`);
      return [index, val];
    },
  );
}

/** @param nested whether the item is an option itself */
export function optionCodec(item: Codec, nested: boolean): Codec {
  if (nested) {
    return variantCodec([{ tag: "none", codec: undefined }, { tag: "some", codec: item }]);
  }
  return casesCodec(
    [undefined, item],
    (_, value) => value,
    (value) => value === undefined || value === null ? [0, undefined] : [1, value],
  );
}

export function enumCodec(names: string[]): Codec {
  const indices = new Map(names.map((name, index) => [name, index]));
  return casesCodec(names.map(() => undefined), (index) => names[index], (value) => {
    const index = indices.get(value as string);
    if (index === undefined) throw new TypeError(`no case ${value}`);
    return [index, undefined];
  });
}
