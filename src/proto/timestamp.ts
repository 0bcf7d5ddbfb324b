/** google.protobuf.Timestamp to and from nanoseconds since 1970. */

import type { Timestamp } from "./google.ts";

const NS_PER_S = 1_000_000_000n;

/** What Go sends for a time that is not set: the year 1. */
export const ZERO_TIMESTAMP: Timestamp = { seconds: -62135596800n, nanos: 0 };

/** The timestamp of `ns`, in nanoseconds since 1970. */
export function toTimestamp(ns: bigint): Timestamp {
  const nanos = (ns % NS_PER_S + NS_PER_S) % NS_PER_S;
  return { seconds: (ns - nanos) / NS_PER_S, nanos: Number(nanos) };
}

/** Nanoseconds since 1970. */
export function fromTimestamp({ seconds, nanos }: Timestamp): bigint {
  return seconds * NS_PER_S + BigInt(nanos);
}

/** The timestamp of now. */
export function nowTimestamp(): Timestamp {
  return toTimestamp(Temporal.Now.instant().epochNanoseconds);
}
