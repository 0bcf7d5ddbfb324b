/**
 * The canonical ABI, for the types that WASI uses: values between a guest's memory and JavaScript.
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md
 *
 * In JavaScript, as WASI hosts have it: u64 and s64 are bigints, a list of u8 is a Uint8Array, records have camelCase
 * members, an enum is its name, flags are an object of booleans, a variant is `{ tag, val }`, a result `{ tag: "ok" | "err", val }`, an
 * option its value or undefined (inside another option, `{ tag: "some" | "none", val }`), a resource the host's object.
 */

import { align, type Codec, type CoreType, notOne } from "./codec.ts";
import type { GuestMemory } from "./memory.ts";
import { PRIMITIVES } from "./primitives.ts";
import type { ValueType } from "./types.ts";
import { enumCodec, optionCodec, variantCodec } from "./variants.ts";

/** A type of more values is none of WASI's: one that holds another twice, over and over, would grow beyond measure. */
const MOST_FLAT = 1000;

const codecs = new WeakMap<ValueType, Codec>();

export function codecOf(type: ValueType): Codec {
  const made = codecs.get(type) ?? makeCodec(type);
  codecs.set(type, made);
  return made;
}

function makeCodec(type: ValueType): Codec {
  switch (type.kind) {
    case "string":
      return pointed((memory, at, size) => memory.text(at, size), (memory, value, at) => {
        memory.storeText(value as string, at);
      });
    case "list":
      return listCodec(type.item);
    case "record":
      return recordCodec(type.fields.map(([name, item]) => [camelCase(name), codecOf(item)]));
    case "tuple":
      return recordCodec(type.items.map((item, index) => [index, codecOf(item)]));
    case "variant":
      return variantCodec(type.cases.map(([tag, item]) => ({ tag, codec: item && codecOf(item) })));
    case "result":
      return variantCodec([
        { tag: "ok", codec: type.ok && codecOf(type.ok) },
        { tag: "err", codec: type.error && codecOf(type.error) },
      ]);
    case "option":
      return optionCodec(codecOf(type.item), type.item.kind === "option");
    case "enum":
      return enumCodec(type.names);
    case "flags":
      return flagsCodec(type.names.map(camelCase));
    case "own":
      return i32Codec((m, handle) => m.handles.take(handle), (m, value) => m.handles.add(value));
    case "borrow":
      return i32Codec((m, handle) => m.handles.get(handle), (m, value) => m.handles.add(value));
    default:
      return PRIMITIVES[type.kind];
  }
}

function i32Codec(
  lift: (memory: GuestMemory, handle: number) => unknown,
  lower: (memory: GuestMemory, value: unknown) => number,
): Codec {
  return {
    ...{ size: 4, alignment: 4, flat: ["i32"] },
    load: (memory, at) => lift(memory, memory.view.getUint32(at, true)),
    store: (memory, value, at) => memory.view.setUint32(at, lower(memory, value), true),
    lift: (memory, values, index) => lift(memory, Number(values[index]) >>> 0),
    lower,
  };
}

/** What is passed as address and length. */
function pointed(
  load: (memory: GuestMemory, at: number, length: number) => unknown,
  store: (memory: GuestMemory, value: unknown, at: number) => void,
): Codec {
  return {
    ...{ size: 8, alignment: 4, flat: ["i32", "i32"] },
    load: (memory, at) => {
      const { view } = memory;
      return load(memory, view.getUint32(at, true), view.getUint32(at + 4, true));
    },
    store,
    lift: (memory, values, index) =>
      load(memory, Number(values[index]) >>> 0, Number(values[index + 1]) >>> 0),
    lower: notOne,
  };
}

function listCodec(type: ValueType): Codec {
  if (type.kind === "u8") {
    return pointed((memory, at, size) => memory.slice(at, size), (memory, value, at) => {
      memory.storeBytes(value as Uint8Array, at);
    });
  }
  const item = codecOf(type);
  return pointed((memory, at, length) => {
    memory.check(at, length * item.size);
    return Array.from({ length }, (_, index) => item.load(memory, at + index * item.size));
  }, (memory, value, at) => {
    const items = value as readonly unknown[];
    const size = items.length * item.size;
    const address = size > 0 ? memory.allocate(item.alignment, size) : 0;
    items.forEach((each, index) => item.store(memory, each, address + index * item.size));
    const { view } = memory;
    view.setUint32(at, address, true);
    view.setUint32(at + 4, items.length, true);
  });
}

/** Of a tuple when the names are numbers. */
function recordCodec(fields: [name: string | number, codec: Codec][]): Codec {
  let [size, alignment, flatAt] = [0, 1, 0];
  const flat: CoreType[] = [];
  const places = fields.map(([name, codec]) => {
    const at = align(size, codec.alignment);
    const place = { name, codec, at, flatAt };
    size = at + codec.size;
    alignment = Math.max(alignment, codec.alignment);
    flatAt += codec.flat.length;
    flat.push(...codec.flat);
    if (flat.length > MOST_FLAT) {
      throw new RangeError(`a type of more than ${MOST_FLAT} values: not supported`);
    }
    return place;
  });
  const isTuple = typeof fields[0]?.[0] === "number";
  type Members = Record<string | number, unknown>;
  const make = (get: (place: typeof places[number]) => unknown) => {
    const made = (isTuple ? [] : {}) as Members;
    for (const place of places) made[place.name] = get(place);
    return made;
  };
  return {
    ...{ size: align(size, alignment), alignment, flat },
    load: (memory, at) => make((place) => place.codec.load(memory, at + place.at)),
    store: (memory, value, at) => {
      for (const { name, codec, at: offset } of places) {
        codec.store(memory, (value as Members)[name], at + offset);
      }
    },
    lift: (memory, values, index) =>
      make((place) => place.codec.lift(memory, values, index + place.flatAt)),
    lower: (memory, value) =>
      places.length === 1
        ? places[0].codec.lower(memory, (value as Members)[places[0].name])
        : notOne(),
  };
}

function flagsCodec(names: string[]): Codec {
  if (names.length > 32) throw new RangeError(`${names.length} flags: not supported`);
  const codec = PRIMITIVES[names.length <= 8 ? "u8" : names.length <= 16 ? "u16" : "u32"];
  const lift = (bits: number) =>
    Object.fromEntries(names.map((name, index) => [name, (bits >>> index & 1) === 1]));
  const lower = (value: unknown) =>
    names.reduce((bits, name, index) => {
      return (value as Record<string, boolean>)[name] ? bits | 1 << index : bits;
    }, 0) >>> 0;
  return {
    ...codec,
    load: (memory, at) => lift(codec.load(memory, at) as number),
    store: (memory, value, at) => codec.store(memory, lower(value), at),
    lift: (_, values, index) => lift(Number(values[index])),
    lower: (_, value) => lower(value),
  };
}

/** "blocking-read" as blockingRead. */
export function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
