/** How the values of a type are passed between a guest and its host: abi.ts. */

import type { GuestMemory } from "./memory.ts";

export type CoreType = "i32" | "i64" | "f32" | "f64";
export type CoreValue = number | bigint;

/** How the values of a type are passed. `unknown` are values of that type: whoever made the codec knows it. */
export interface Codec {
  size: number;
  alignment: number;
  /** As parameters. */
  flat: CoreType[];
  load(memory: GuestMemory, at: number): unknown;
  store(memory: GuestMemory, value: unknown, at: number): void;
  /** From parameters, beginning with that at `index`. */
  lift(memory: GuestMemory, values: readonly CoreValue[], index: number): unknown;
  /** To the only value, for types that are one. */
  lower(memory: GuestMemory, value: unknown): CoreValue;
}

export interface Variant {
  tag: string;
  val?: unknown;
}

export const notOne = (): never => {
  throw new RangeError("more than one value");
};

export function align(at: number, alignment: number): number {
  return Math.ceil(at / alignment) * alignment;
}
