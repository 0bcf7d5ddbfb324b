import assert from "node:assert/strict";
import type { LineConnection } from "./lines.ts";
import { Pair, stateOf } from "./testing/pair.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Every line until the end. */
async function lines(connection: LineConnection): Promise<string[]> {
  const found: string[] = [];
  for (let line; (line = await connection.read()) !== null;) found.push(line);
  return found;
}

Deno.test("LineConnection.read() answers the same lines however they are split", async () => {
  const text = encode("one\n\ntwo three\nfür\n");
  for (let first = 1; first < text.length; first++) {
    using pair = await Pair.connect();
    const read = lines(pair.near);
    for (const part of [text.subarray(0, first), text.subarray(first)]) {
      await pair.far.write(part);
      await turn();
    }
    pair.far[Symbol.dispose]();
    assert.deepEqual(await read, ["one", "", "two three", "für"], `split at ${first}`);
  }
});

Deno.test("LineConnection.read() answers lines that come byte by byte", async () => {
  using pair = await Pair.connect();
  const read = lines(pair.near);
  for (const byte of encode("a é\nb\n")) {
    await pair.far.write(Uint8Array.of(byte));
    await turn();
  }
  pair.far[Symbol.dispose]();
  assert.deepEqual(await read, ["a é", "b"]);
});

Deno.test("LineConnection.read() answers lines that come together, one by one", async () => {
  using pair = await Pair.connect();
  const many = Array.from({ length: 2000 }, (_, index) => `line ${index}`);
  pair.far.write(many.map((line) => `${line}\n`).join("")).then(() => pair.far[Symbol.dispose]());
  assert.deepEqual(await lines(pair.near), many);
});

Deno.test("LineConnection.read() takes long lines and gives up on longer ones", async () => {
  for (const [size, expected] of [[4000, true], [4095, true], [4097, false], [100_000, false]]) {
    using pair = await Pair.connect();
    const line = "x".repeat(size as number);
    pair.far.write(`${line}\n`).catch(() => {}); // not all of it is read
    assert.equal(await pair.near.read(), expected ? line : null, `${size} bytes`);
  }
});

Deno.test("LineConnection.read() drops a line that was cut short, and ends again and again", async () => {
  using pair = await Pair.connect();
  await pair.far.write("whole\ncut");
  pair.far[Symbol.dispose]();
  assert.deepEqual([await pair.near.read(), await pair.near.read(), await pair.near.read()], [
    "whole",
    null,
    null,
  ]);
});

Deno.test("LineConnection.read() waits for the end of a line", async () => {
  using pair = await Pair.connect();
  await pair.far.write("half");
  const read = pair.near.read();
  assert.equal(await stateOf(read), "pending");
  await pair.far.write(" and half\n");
  assert.equal(await read, "half and half");
});

Deno.test("LineConnection.readBytes() goes on where read() has ended", async () => {
  using pair = await Pair.connect();
  await pair.far.write("zygote\n\x01\x02\nrest\n");
  assert.equal(await pair.near.read(), "zygote");
  assert.deepEqual(await pair.near.readBytes(3), Uint8Array.of(1, 2, 10));
  assert.deepEqual(await pair.near.readBytes(0), new Uint8Array());
  assert.equal(await pair.near.read(), "rest");
});

Deno.test("LineConnection.readBytes() collects what comes in pieces", async () => {
  using pair = await Pair.connect();
  const data = Uint8Array.from({ length: 200_000 }, (_, index) => index);
  const [, read] = await Promise.all([pair.far.write(data), pair.near.readBytes(data.length)]);
  assert.deepEqual(read, data);
});

Deno.test("LineConnection.readBytes() answers null when the connection ends before", async () => {
  using pair = await Pair.connect();
  await pair.far.write("abc");
  pair.far[Symbol.dispose]();
  assert.equal(await pair.near.readBytes(4), null);
});

Deno.test("LineConnection may be disposed twice, and ends a read", async () => {
  using pair = await Pair.connect();
  const read = pair.near.read();
  pair.near[Symbol.dispose]();
  pair.near[Symbol.dispose]();
  assert.equal(await read, null);
  assert.equal(await pair.far.read(), null);
});
