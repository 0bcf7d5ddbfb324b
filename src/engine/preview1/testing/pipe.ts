/** Descriptors of this process that are neither Deno's nor anyone's: made by libc itself. */

import assert from "node:assert/strict";

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
});

const O_CLOEXEC = 0o2000000;
const AF_UNIX = 1;
export const SOCK = { STREAM: 1, DGRAM: 2 } as const;

/** The end to read from, and the one to write to: pipe(2). Whoever calls closes them. */
export function pipe(): [reader: number, writer: number] {
  const ends = new Int32Array(2);
  assert.equal(libc.pipe2(ends, O_CLOEXEC), 0);
  return [ends[0], ends[1]];
}

/** socketpair(2). */
export function socketPair(type: number): [one: number, other: number] {
  const ends = new Int32Array(2);
  assert.equal(libc.socketpair(AF_UNIX, type | O_CLOEXEC, 0, ends), 0);
  return [ends[0], ends[1]];
}
