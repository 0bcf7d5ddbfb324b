import assert from "node:assert/strict";
import { decodeMessages, encodeMessage } from "./grpc_frames.ts";

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const TEXTS = ["", "a", "hello", "", "x".repeat(300)];
const encoded = new Uint8Array(
  TEXTS.flatMap((text) => [...encodeMessage(new TextEncoder().encode(text))]),
);

Deno.test("encodeMessage() writes the flag and the length, big-endian", () => {
  assert.deepEqual([...encodeMessage(new Uint8Array([7, 8]))], [0, 0, 0, 0, 2, 7, 8]);
});

Deno.test("decodeMessages() answers the same however the body is cut", async () => {
  for (let size = 1; size <= encoded.length; size++) {
    const found = await Array.fromAsync(decodeMessages(chunks(encoded, size), "M"));
    assert.deepEqual(found.map((bytes) => new TextDecoder().decode(bytes)), TEXTS, `${size}`);
  }
});

Deno.test("decodeMessages() rejects a body that ends anywhere within a message", async () => {
  const whole = encodeMessage(new Uint8Array(6));
  for (let size = 1; size < whole.length; size++) {
    const decoding = Array.fromAsync(decodeMessages(chunks(whole.subarray(0, size), 4), "M"));
    await assert.rejects(decoding, { kind: "Unavailable", message: /^M: / });
  }
});
