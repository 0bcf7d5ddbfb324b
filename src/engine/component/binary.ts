/**
 * What a component imports and exports, read from its binary form: the names with their versions, which transpiling
 * drops, and those of interfaces that it does not use.
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
 */

import type { External } from "./transpiled.ts";

/** "\0asm", u16 version, u16 layer. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const LAYER_AT = 6;
const PREAMBLE_BYTES = 8;
const SECTION = { import: 10, export: 11 } as const;

/** Sorts of definitions, the first byte of `sort`; 0 is a core sort, whose second byte follows. */
const KINDS: Record<number, External["kind"]> = {
  0: "core module",
  1: "function",
  2: "value",
  3: "type",
  4: "component",
  5: "instance",
};

/** Whether this begins as a component does: the layer, the fourth number of the preamble's bytes, is 1. */
export function isComponent(code: Uint8Array): boolean {
  return MAGIC.every((byte, index) => code[index] === byte) && code[LAYER_AT] === 1 &&
    code[LAYER_AT + 1] === 0;
}

/** The imports and exports of a component that has been found valid. @throws RangeError: it is not */
export function externals(code: Uint8Array): Record<"imports" | "exports", External[]> {
  const reader = new Reader(code, PREAMBLE_BYTES);
  const found = { imports: [] as External[], exports: [] as External[] };
  while (!reader.done) {
    const section = reader.byte();
    const end = reader.unsigned() + reader.at;
    if (section === SECTION.import) {
      for (let left = reader.unsigned(); left > 0; left--) {
        const name = reader.name();
        found.imports.push({ name, kind: reader.description() });
      }
    } else if (section === SECTION.export) {
      for (let left = reader.unsigned(); left > 0; left--) {
        const name = reader.name();
        found.exports.push({ name, kind: reader.sort() });
        reader.unsigned(); // the index
        if (reader.byte() === 1) reader.description(); // the type that is ascribed
      }
    }
    reader.at = end;
  }
  return found;
}

class Reader {
  constructor(readonly code: Uint8Array, public at: number) {}

  get done(): boolean {
    return this.at >= this.code.length;
  }

  byte(): number {
    if (this.done) throw new RangeError(`read a component: ends at ${this.code.length}`);
    return this.code[this.at++];
  }

  /** LEB128; of what is signed, only the length matters here. */
  unsigned(): number {
    let [value, byte] = [0, 0];
    for (let shift = 0; shift < 35; shift += 7) {
      byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`read a component: number too long at ${this.at}`);
  }

  /** importname' and exportname': 2 has its version's suffix apart. */
  name(): string {
    const form = this.byte();
    const text = this.#text();
    return form === 2 ? text + this.#text() : text;
  }

  #text(): string {
    const size = this.unsigned();
    this.at += size;
    return new TextDecoder().decode(this.code.subarray(this.at - size, this.at));
  }

  sort(): External["kind"] {
    const sort = this.byte();
    if (sort === 0) this.byte();
    return KINDS[sort];
  }

  /** externdesc */
  description(): External["kind"] {
    const kind = this.sort();
    if (kind === "value" || kind === "type") {
      // valuebound: an index or a value type; typebound: an index, or 1 for a new resource.
      const bound = this.byte();
      if (kind === "value" || bound === 0) this.unsigned();
    } else this.unsigned();
    return kind;
  }
}
