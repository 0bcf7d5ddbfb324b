import assert from "node:assert/strict";
import { MessageReader, MessageWriter } from "./wire.ts";

/** One write, and the bytes that it must add. */
interface Write {
  name: string;
  to(writer: MessageWriter): void;
  expected: number[];
}

const littleEndian = (value: bigint, size: number) =>
  Array.from({ length: size }, (_, index) => Number(value >> BigInt(8 * index) & 0xffn));

function u32(value: number): Write {
  return { name: "u32", to: (w) => w.u32(value), expected: littleEndian(BigInt(value), 4) };
}

function u64(value: number | bigint): Write {
  const unsigned = BigInt.asUintN(64, BigInt(value));
  return { name: "u64", to: (w) => w.u64(value), expected: littleEndian(unsigned, 8) };
}

function bytes(data: Uint8Array): Write {
  const size = littleEndian(BigInt(data.length), 4);
  return { name: "bytes", to: (w) => w.bytes(data), expected: [...size, ...data, 0] };
}

const filled = (size: number) => new Uint8Array(size).fill(0xab);

function assertWrites(writes: Write[], message = writes.map(({ name }) => name).join(" ")) {
  const writer = new MessageWriter();
  for (const write of writes) write.to(writer);
  assert.deepEqual([...writer.finish()], writes.flatMap((write) => write.expected), message);
}

Deno.test("MessageWriter writes numbers little-endian", () => {
  const writer = new MessageWriter().u32(0x01020304).u64(0x05060708090a0b0cn).u64(2 ** 53 - 1);
  assert.equal(writer.finish().toHex(), "04030201" + "0c0b0a0908070605" + "ffffffffffff1f00");
});

Deno.test("MessageWriter.u64() takes negative numbers as two's complement", () => {
  assert.equal(
    new MessageWriter().u64(-1).u64(-2n).finish().toHex(),
    "f".repeat(16) + "fe" + "f".repeat(14),
  );
});

Deno.test("MessageWriter.bytes() counts the bytes of UTF-8 and adds a NUL", () => {
  assert.equal(new MessageWriter().bytes("é€").finish().toHex(), "05000000" + "c3a9e282ac" + "00");
  assert.equal(new MessageWriter().bytes("").finish().toHex(), "00000000" + "00");
  assert.equal(new MessageWriter().finish().length, 0);
});

Deno.test("MessageWriter writes across every boundary of its buffer", () => {
  for (const boundary of [1024, 2048, 4096]) {
    for (
      const write of [u32(0xdeadbeef), u64(0x1122334455667788n), bytes(filled(9)), bytes(filled(0))]
    ) {
      for (let start = boundary - 16; start <= boundary + 1; start++) {
        const before = bytes(filled(start - 5));
        assertWrites([before, write, u32(7)], `${write.name} at ${start}`);
      }
    }
  }
});

Deno.test("MessageWriter grows by small and by huge steps alike", () => {
  assertWrites(Array.from({ length: 3000 }, (_, index) => u32(index)));
  assertWrites(Array.from({ length: 1500 }, (_, index) => u64(index)));
  for (const size of [1023, 1024, 1025, 2049, 100_000]) {
    assertWrites([u32(1), bytes(filled(size)), u64(2)]);
  }
});

Deno.test("MessageWriter writes any sequence", () => {
  let seed = 12345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  for (let round = 0; round < 200; round++) {
    const writes = Array.from({ length: random(40) }, () => {
      const kind = random(3);
      if (kind === 0) return u32(random(1 << 20));
      return kind === 1 ? u64(random(1 << 20)) : bytes(filled(random(200)));
    });
    assertWrites(writes, `round ${round}`);
  }
});

Deno.test("MessageWriter.finish() answers a copy", () => {
  const writer = new MessageWriter().u32(1);
  const first = writer.finish();
  writer.u32(2);
  first[0] = 9;
  assert.equal(writer.finish().toHex(), "0100000002000000");
});

Deno.test("MessageReader reads back what was written", () => {
  const texts = ["", "a", "é€😀", "x".repeat(5000), "with\0NUL"];
  const writer = new MessageWriter();
  for (const text of texts) writer.bytes(text);
  const reader = new MessageReader(writer.finish());
  assert.deepEqual(texts.map(() => reader.string()), texts);
  assert.throws(() => reader.bytes(), RangeError);
});

Deno.test("MessageReader reads a view into a larger buffer", () => {
  const message = new MessageWriter().bytes("abc").finish();
  const larger = new Uint8Array(message.length + 7).fill(0xff);
  larger.set(message, 3);
  const reader = new MessageReader(larger.subarray(3, 3 + message.length));
  assert.equal(reader.string(), "abc");
  assert.throws(() => reader.bytes(), RangeError);
});

Deno.test("MessageReader refuses a message cut short anywhere", () => {
  const message = new MessageWriter().bytes("abc").finish();
  for (let size = 0; size < message.length; size++) {
    assert.throws(
      () => new MessageReader(message.subarray(0, size)).bytes(),
      RangeError,
      `${size} bytes`,
    );
  }
});

Deno.test("MessageReader refuses a field longer than its message", () => {
  const reader = new MessageReader(new MessageWriter().u32(0xffffffff).u64(0).finish());
  assert.throws(() => reader.bytes(), { name: "RangeError", message: /4294967295 bytes/ });
});
