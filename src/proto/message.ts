/**
 * Message types: protobufjs' generated encoders and decoders (generated.js), with plain objects on
 * the outside.
 *
 * As proto3 has it, a field that is absent on the wire decodes to its default and a default is not
 * written; absent messages are undefined. Integers of 64 bits are bigint, maps are Map. Numbers of
 * enums that are not known pass through. Unknown fields are dropped.
 */

import { type Long, Reader, util, Writer } from "protobufjs/minimal";
import { ShimError } from "../errdefs/mod.ts";

/** What `encode` accepts for a message T: every field may be left out. */
export type Init<T> = T extends string | number | bigint | boolean | Uint8Array | undefined ? T
  : T extends ReadonlyMap<string, infer V> ? ReadonlyMap<string, V>
  : T extends readonly (infer E)[] ? readonly Init<E>[]
  : { readonly [K in keyof T]?: Init<T[K]> };

/** What generated.js has for a message. */
interface Codec {
  encode(message: object, writer: Writer): Writer;
  decode(reader: Reader): object;
}

/** A message type of a .proto file. `T` is what it decodes to. */
export class MessageType<T extends object> {
  readonly #codec: Codec;

  /** `name` is the full name, as in the type URL of a google.protobuf.Any. */
  constructor(readonly name: string, codec: Codec) {
    this.#codec = codec;
  }

  /** The bytes of `message`. @throws ShimError Internal at a number outside its field's range. */
  encode(message: Init<T>): Uint8Array<ArrayBuffer> {
    const writer = new StrictWriter();
    try {
      this.#codec.encode(toGenerated(message) as object, writer);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new ShimError("Internal", `encode ${this.name}: ${error.message}`, { cause: error });
    }
    return writer.finish() as Uint8Array<ArrayBuffer>;
  }

  /**
   * The message in `bytes`; its byte fields are views of them.
   * @throws ShimError InvalidArgument at malformed ones.
   */
  decode(bytes: Uint8Array): T {
    const reader = new Reader(bytes);
    reader.discardUnknown = true;
    try {
      return fromGenerated(this.#codec.decode(reader)) as T;
    } catch (cause) {
      const { message } = cause as Error;
      throw new ShimError("InvalidArgument", `decode ${this.name}: ${message}`, { cause });
    }
  }
}

/** Refuses numbers that do not fit, which protobufjs would cut, and takes 64 bits as bigint. */
class StrictWriter extends Writer {
  override uint32(value: number): Writer {
    return super.uint32(inRange(value, value >>> 0, "uint32"));
  }

  override int32(value: number): Writer {
    return super.int32(inRange(value, value | 0, "int32"));
  }

  override uint64(value: Integer64): Writer {
    return super.uint64(uint64(value));
  }

  override int64(value: Integer64): Writer {
    return super.int64(int64(value));
  }

  override uint64s(values: Integer64[]): Writer {
    return super.uint64s(values.map(uint64));
  }
}

/** What protobufjs takes for 64 bits, and bigint. */
type Integer64 = Long | number | string | bigint;

function uint64(value: Integer64): Exclude<Integer64, bigint> {
  if (typeof value !== "bigint") return value;
  return toLong(inRange(value, BigInt.asUintN(64, value), "uint64"), true);
}

function int64(value: Integer64): Exclude<Integer64, bigint> {
  if (typeof value !== "bigint") return value;
  return toLong(inRange(value, BigInt.asIntN(64, value), "int64"), false);
}

function toLong(value: bigint, unsigned: boolean): Long {
  return { low: Number(value & 0xffff_ffffn), high: Number(value >> 32n), unsigned };
}

function toBigInt({ low, high, unsigned }: Long): bigint {
  const value = BigInt(high) << 32n | BigInt(low >>> 0);
  return unsigned ? BigInt.asUintN(64, value) : value;
}

/** `value`, which must equal `wrapped`, itself wrapped to the range of `type`. */
function inRange<N extends number | bigint>(value: N, wrapped: N, type: string): N {
  if (wrapped !== value) throw new RangeError(`${value} as ${type}`);
  return value;
}

/** `value` of an Init as generated.js takes it. */
function toGenerated(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(toGenerated);
  if (value instanceof Map) return Object.fromEntries(value);
  const message: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== 0n) message[key] = toGenerated(item); // it leaves 0 out, but not 0n
  }
  return message;
}

/** The plain form of what generated.js has decoded: its defaults are on prototypes. */
function fromGenerated(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== "object") return value;
  if (value instanceof Uint8Array) return value.length === 0 ? new Uint8Array() : value;
  if (Array.isArray(value)) return value.map(fromGenerated);
  if (value instanceof util.Long) return toBigInt(value);
  if (Object.getPrototypeOf(value) === Object.prototype) return new Map(Object.entries(value));
  const message: Record<string, unknown> = {};
  for (const key in value) message[key] = fromGenerated(value[key as keyof typeof value]);
  return message;
}
