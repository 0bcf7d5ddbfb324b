import assert from "node:assert/strict";
import { ShimError } from "../errdefs/mod.ts";
import { ttrpc } from "../proto/mod.ts";
import {
  encodeFrame,
  type Frame,
  FrameDecoder,
  MAX_PAYLOAD_LENGTH,
  MESSAGE_TYPE,
} from "./frame.ts";
import { random } from "../proto/testing/random.ts";

/** The frames of `bytes`, pushed in chunks that end at `cuts`. */
function decode(bytes: Uint8Array, cuts: readonly number[] = []): Frame[] {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    frames.push(...decoder.push(bytes.slice(start, end)));
    start = end;
  }
  assert.equal(decoder.isInsideFrame, false);
  return frames;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let pos = 0;
  for (const part of parts) {
    bytes.set(part, pos);
    pos += part.length;
  }
  return bytes;
}

function header(length: number, streamId: number, type = 1, flags = 0): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint32(4, streamId);
  bytes.set([type, flags], 8);
  return bytes;
}

Deno.test("encodeFrame() writes golden bytes", () => {
  const request = ttrpc.Request.encode({
    service: "containerd.task.v2.Task",
    method: "Wait",
    payload: Uint8Array.of(0x0a, 1, 0x61),
    timeoutNano: 2_000_000_000n,
    metadata: [{ key: "containerd-namespace-ttrpc", value: "default" }],
  });
  assert.equal(
    encodeFrame(3, MESSAGE_TYPE.request, request).toHex(),
    "00000051" + "00000003" + "01" + "00" +
      "0a17" + "636f6e7461696e6572642e7461736b2e76322e5461736b" +
      "1204" + "57616974" + "1a03" + "0a0161" + "20" + "80a8d6b907" +
      "2a25" + "0a1a" + "636f6e7461696e6572642d6e616d6573706163652d7474727063" +
      "1207" + "64656661756c74",
  );
  assert.equal(
    encodeFrame(0xffffffff, MESSAGE_TYPE.response, new Uint8Array()).toHex(),
    "00000000ffffffff0200",
  );
});

Deno.test("encodeFrame() takes 4 MiB and no more", () => {
  assert.equal(
    encodeFrame(1, 1, new Uint8Array(MAX_PAYLOAD_LENGTH)).length,
    MAX_PAYLOAD_LENGTH + 10,
  );
  assert.throws(
    () => encodeFrame(1, 1, new Uint8Array(MAX_PAYLOAD_LENGTH + 1)),
    (error) =>
      error instanceof ShimError && error.kind === "ResourceExhausted" &&
      error.message === "message length 4194305 exceed maximum message size of 4194304",
  );
});

Deno.test("FrameDecoder yields the same frames at every split", () => {
  const bytes = concat(
    encodeFrame(1, 1, Uint8Array.of(1, 2, 3)),
    encodeFrame(3, 2, new Uint8Array()),
    header(2, 5, 9, 7),
    Uint8Array.of(8, 9),
  );
  const expected = [
    { streamId: 1, type: 1, flags: 0, payload: Uint8Array.of(1, 2, 3) },
    { streamId: 3, type: 2, flags: 0, payload: new Uint8Array() },
    { streamId: 5, type: 9, flags: 7, payload: Uint8Array.of(8, 9) },
  ];
  for (let a = 0; a <= bytes.length; a++) {
    for (let b = a; b <= bytes.length; b++) assert.deepEqual(decode(bytes, [a, b]), expected);
  }
  assert.deepEqual(decode(bytes, [...bytes.keys()]), expected, "byte by byte");
});

Deno.test("FrameDecoder yields what was encoded, whatever the chunks", () => {
  const next = random(3);
  const int = (below: number) => Math.floor(next() * below);
  for (let round = 0; round < 200; round++) {
    const frames: Frame[] = Array.from({ length: int(6) }, () => ({
      streamId: int(2 ** 32),
      type: int(256),
      flags: 0,
      payload: Uint8Array.from({ length: int(3) * int(5000) }, () => int(256)),
    }));
    const bytes = concat(...frames.map((f) => encodeFrame(f.streamId, f.type, f.payload)));
    const cuts = Array.from({ length: int(8) }, () => int(bytes.length + 1)).sort((a, b) => a - b);
    assert.deepEqual(decode(bytes, cuts), frames);
  }
});

Deno.test("FrameDecoder does not keep the chunk", () => {
  const decoder = new FrameDecoder();
  const chunk = encodeFrame(1, 1, Uint8Array.of(7));
  const [frame] = decoder.push(chunk);
  chunk.fill(0);
  assert.deepEqual(frame.payload, Uint8Array.of(7));
});

Deno.test("FrameDecoder skips a payload above 4 MiB and goes on", () => {
  const length = MAX_PAYLOAD_LENGTH + 1;
  const bytes = concat(
    header(length, 7),
    new Uint8Array(length),
    encodeFrame(9, 1, Uint8Array.of(1)),
  );
  const [skipped, frame] = decode(bytes, [4, 100, 5000, length]);
  assert.equal(skipped.oversize, length);
  assert.equal(skipped.streamId, 7);
  assert.equal(skipped.payload.length, 0);
  assert.deepEqual(frame.payload, Uint8Array.of(1));
});

Deno.test("FrameDecoder refuses a length of 16 MiB before it allocates", () => {
  assert.throws(
    () => [...new FrameDecoder().push(header(1 << 24, 1))],
    (error) =>
      error instanceof ShimError && error.kind === "InvalidArgument" &&
      error.message === "frame length: 16777216",
  );
});

Deno.test("FrameDecoder knows whether it is inside a frame", () => {
  const decoder = new FrameDecoder();
  const bytes = encodeFrame(1, 1, Uint8Array.of(1, 2));
  for (let i = 0; i < bytes.length - 1; i++) {
    assert.deepEqual([...decoder.push(bytes.subarray(i, i + 1))], []);
    assert.equal(decoder.isInsideFrame, true);
  }
  assert.equal([...decoder.push(bytes.subarray(-1))].length, 1);
  assert.equal(decoder.isInsideFrame, false);
});
