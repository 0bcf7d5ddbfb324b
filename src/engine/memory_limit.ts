/**
 * A limit on the memories of a WebAssembly binary, set in the binary: every memory that may grow beyond it gets a maximum,
 * so that memory.grow answers -1 there, in every engine alike.
 * https://webassembly.github.io/spec/core/binary/modules.html, with memory64, threads and custom page sizes; of
 * components, the core modules in them:
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md
 */

import { ShimError } from "../errdefs/mod.ts";

const MAGIC_BYTES = 4;
const HEADER_BYTES = 8;
const MODULE_VERSION = 0x00000001;
const COMPONENT_VERSION = 0x0001000d;

const SECTION = { import: 2, memory: 5 } as const;
const COMPONENT_SECTION = { coreModule: 1, component: 4 } as const;
const KIND = { func: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;
/** Value types of more than one byte: a reference to a heap type, which is a signed number, follows. */
const REFERENCES = [0x63, 0x64];

/** Bits of the byte that begins the limits of a memory or table. */
const HAS_MAXIMUM = 1;
const IS_SHARED = 2;
const IS_64 = 4;
const HAS_PAGE_SIZE = 8;
const KNOWN_BITS = 0x0f;

const DEFAULT_PAGE_BITS = 16;
/** Of what a memory's addresses can reach. */
const ADDRESS_BITS = { 32: 32n, 64: 64n } as const;

/**
 * `code` with no memory, defined or imported, that may be larger than `limitBytes`; `code` itself when none may. Each memory
 * of a module has the whole limit. What is malformed is left as it is, for the compiler to report.
 * @throws ShimError InvalidArgument: a memory is larger than that from the start
 */
export function limitMemories(
  code: Uint8Array<ArrayBuffer>,
  limitBytes: number,
  path: string,
): Uint8Array<ArrayBuffer> {
  try {
    return limitBinary(code, { limit: BigInt(limitBytes), path });
  } catch (error) {
    if (error instanceof Malformed) return code;
    throw error;
  }
}

class Malformed extends Error {}

interface Context {
  limit: bigint;
  path: string;
}

function limitBinary(code: Uint8Array<ArrayBuffer>, context: Context): Uint8Array<ArrayBuffer> {
  if (code.length < HEADER_BYTES) throw new Malformed();
  const header = new DataView(code.buffer, code.byteOffset, HEADER_BYTES);
  if (header.getUint32(0) !== 0x0061736d) throw new Malformed();
  const version = header.getUint32(MAGIC_BYTES, true);
  if (version === MODULE_VERSION) return limitSections(code, moduleSections(context));
  if (version !== COMPONENT_VERSION) throw new Malformed();
  return limitSections(code, (id, content) => {
    const holdsBinary = id === COMPONENT_SECTION.coreModule || id === COMPONENT_SECTION.component;
    return holdsBinary ? limitBinary(content, context) : content;
  });
}

/** Replaces the content of a section: by itself when there is nothing to change. */
type Change = (id: number, content: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

function limitSections(code: Uint8Array<ArrayBuffer>, change: Change): Uint8Array<ArrayBuffer> {
  const output = new Output();
  const input = new Input(code, HEADER_BYTES);
  output.bytes(code.subarray(0, HEADER_BYTES));
  let changed = false;
  while (!input.ended) {
    const start = input.at;
    const id = input.byte();
    const content = input.bytes(input.size());
    const next = change(id, content);
    if (next === content) {
      output.bytes(code.subarray(start, input.at));
    } else {
      changed = true;
      output.byte(id).number(BigInt(next.length)).bytes(next);
    }
  }
  return changed ? output.finish() : code;
}

function moduleSections(context: Context): Change {
  let memories = 0;
  return (id, content) => {
    if (id !== SECTION.import && id !== SECTION.memory) return content;
    const input = new Input(content);
    const output = new Output();
    const count = input.size();
    output.bytes(content.subarray(0, input.at));
    let changed = false;
    for (let item = 0; item < count; item++) {
      const start = input.at;
      const isMemory = id === SECTION.memory || skipImport(input);
      output.bytes(content.subarray(start, input.at));
      if (isMemory && limitMemory(input, output, memories++, context)) changed = true;
    }
    if (!input.ended) throw new Malformed();
    return changed ? output.finish() : content;
  };
}

/** Reads an import: all of it, or of one of a memory what is before its limits. @returns whether it is one */
function skipImport(input: Input): boolean {
  input.bytes(input.size());
  input.bytes(input.size());
  switch (input.byte()) {
    case KIND.func:
      input.number();
      return false;
    case KIND.table:
      skipValueType(input);
      readLimits(input);
      return false;
    case KIND.memory:
      return true;
    case KIND.global:
      skipValueType(input);
      input.byte();
      return false;
    case KIND.tag:
      input.byte();
      input.number();
      return false;
    default:
      throw new Malformed();
  }
}

function skipValueType(input: Input): void {
  if (REFERENCES.includes(input.byte())) input.number();
}

interface Limits {
  flags: number;
  minimum: bigint;
  maximum?: bigint;
  /** Of a page, the binary logarithm of its bytes. */
  pageBits: number;
}

function readLimits(input: Input): Limits {
  const flags = input.byte();
  if (flags & ~KNOWN_BITS) throw new Malformed();
  const minimum = input.number();
  const maximum = flags & HAS_MAXIMUM ? input.number() : undefined;
  const pageBits = flags & HAS_PAGE_SIZE ? input.size() : DEFAULT_PAGE_BITS;
  if (pageBits > DEFAULT_PAGE_BITS) throw new Malformed();
  if (flags & IS_SHARED && maximum === undefined) throw new Malformed();
  return { flags, minimum, maximum, pageBits };
}

/** Copies the limits of memory `index`, limited. @returns whether they have changed */
function limitMemory(input: Input, output: Output, index: number, context: Context): boolean {
  const { flags, minimum, maximum, pageBits } = readLimits(input);
  const shift = BigInt(pageBits);
  const possible = 1n << ADDRESS_BITS[flags & IS_64 ? 64 : 32] - shift;
  const allowed = context.limit >> shift;
  const isValid = minimum <= (maximum ?? possible);
  if (isValid && minimum > allowed) {
    throw new ShimError(
      "InvalidArgument",
      `limit memory ${index} of ${context.path}: it begins with ${minimum << shift} bytes: ` +
        `above the limit of ${context.limit}`,
    );
  }
  const changes = isValid && allowed < (maximum ?? possible);
  const next = changes ? allowed : maximum;
  output.byte(next === undefined ? flags : flags | HAS_MAXIMUM).number(minimum);
  if (next !== undefined) output.number(next);
  if (flags & HAS_PAGE_SIZE) output.number(shift);
  return changes;
}

/** Reads LEB128 numbers, whose encodings may be longer than needed, and bytes. @throws Malformed past the end */
class Input {
  constructor(readonly data: Uint8Array<ArrayBuffer>, public at = 0) {}

  get ended(): boolean {
    return this.at === this.data.length;
  }

  byte(): number {
    if (this.ended) throw new Malformed();
    return this.data[this.at++];
  }

  number(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Malformed();
  }

  /** A number of bytes or items, of which each takes a byte at least. */
  size(): number {
    const value = this.number();
    if (value > BigInt(this.data.length)) throw new Malformed();
    return Number(value);
  }

  bytes(size: number): Uint8Array<ArrayBuffer> {
    if (size > this.data.length - this.at) throw new Malformed();
    return this.data.subarray(this.at, this.at += size);
  }
}

class Output {
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];

  bytes(part: Uint8Array<ArrayBuffer>): this {
    this.#parts.push(part);
    return this;
  }

  byte(value: number): this {
    return this.bytes(Uint8Array.of(value));
  }

  number(value: bigint): this {
    const bytes: number[] = [];
    for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
    return this.bytes(Uint8Array.of(...bytes, Number(value)));
  }

  finish(): Uint8Array<ArrayBuffer> {
    const size = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const result = new Uint8Array(size);
    let at = 0;
    for (const part of this.#parts) {
      result.set(part, at);
      at += part.length;
    }
    return result;
  }
}
