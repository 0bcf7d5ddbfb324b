import assert from "node:assert/strict";
// deno-lint-ignore no-import-prefix
import protobuf from "npm:protobufjs@8.8.1";
import { ShimError } from "../errdefs/mod.ts";
import * as cgroupsV1 from "./cgroups_v1.ts";
import * as cgroupsV2 from "./cgroups_v2.ts";
import * as proto from "./mod.ts";
import { MessageType } from "./message.ts";
import * as runc from "./runc_options.ts";
import * as runtime from "./runtime_options.ts";
import { random } from "./testing/random.ts";

const hex = (bytes: Uint8Array) => bytes.toHex();

const modules = [
  cgroupsV1,
  cgroupsV2,
  proto.events,
  runc,
  runtime,
  proto.task,
  proto.ttrpc,
  proto,
];
const types = modules.flatMap((module) => Object.values(module))
  .filter((value): value is MessageType<object> => value instanceof MessageType);

/** The .proto files themselves, read by protobufjs: not what was generated from them. */
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => new URL(`../../proto/${target}`, import.meta.url).pathname;
root.loadSync(
  [...Deno.readDirSync(new URL("../../proto", import.meta.url))].map((entry) => entry.name),
);

/** protobufjs has google.protobuf.Any's type_url in snake case. */
const camelCase = (name: string) => protobuf.util.camelCase(name);

type Value = Record<string, unknown>;

/** A value of the type of `field`, extremes included, or its default. */
function randomValue(next: () => number, field: protobuf.Field): unknown {
  const pick = <T>(...values: T[]) => values[Math.floor(next() * values.length)];
  if (field.resolvedType instanceof protobuf.Type) return randomMessage(next, field.resolvedType);
  switch (field.resolvedType ? "enum" : field.type) {
    case "bool":
      return pick(true, false);
    case "bytes":
      return Uint8Array.from({ length: pick(0, 1, 300) }, () => next() * 256);
    case "double":
      return pick(0, -0.5, 1e300, next());
    case "enum":
      return pick(0, 1, 5);
    case "int32":
      return pick(0, -1, 127, 128, 0x7fffffff, -0x80000000);
    case "uint32":
      return pick(0, 1, 127, 128, 0xffffffff);
    case "int64":
      return pick(0n, -1n, 127n, 1n << 52n, -62135596800n, -(2n ** 63n), 2n ** 63n - 1n);
    case "uint64":
      return pick(0n, 1n, 128n, 1n << 35n, 2n ** 53n + 1n, 2n ** 64n - 1n);
    case "string":
      return pick("", "a", "ünï ✓ 😀", "x".repeat(200));
  }
  throw new Error(`random value: ${field.fullName} is of type ${field.type}`);
}

function randomMessage(next: () => number, type: protobuf.Type): Value {
  const message: Value = {};
  for (const field of type.fieldsArray) {
    const values = Array.from({ length: next() * 4 }, () => randomValue(next, field.resolve()));
    const name = camelCase(field.name);
    if (field.map) message[name] = new Map(values.map((value, i) => [`k${i}`, value]));
    else if (field.repeated) message[name] = values;
    else if (field.resolvedType instanceof protobuf.Type) message[name] = values[0];
    else message[name] = randomValue(next, field);
  }
  return message;
}

/** `message` as protobufjs' fromObject() takes it. */
function foreign(type: protobuf.Type, message: Value): Value {
  const result: Value = {};
  for (const { name, resolvedType } of type.fieldsArray) {
    const value = message[camelCase(name)];
    const one = (item: unknown) =>
      resolvedType instanceof protobuf.Type ? foreign(resolvedType, item as Value) : item;
    if (value === undefined) continue;
    if (value instanceof Map) result[name] = Object.fromEntries(value);
    else result[name] = Array.isArray(value) ? value.map(one) : one(value);
  }
  return result;
}

Deno.test("MessageType agrees with the .proto files on random messages of every type", () => {
  assert.ok(types.length > 60, `${types.length} types`);
  const next = random(1);
  for (const type of types) {
    const oracle = root.lookupType(type.name);
    for (let round = 0; round < 20; round++) {
      const message = randomMessage(next, oracle);
      const theirs = oracle.encode(oracle.fromObject(foreign(oracle, message))).finish();
      assert.deepEqual(type.decode(new Uint8Array(theirs)), message, type.name);
      assert.equal(hex(type.encode(message)), hex(theirs), type.name);
    }
  }
});

Deno.test("encode() writes golden bytes", () => {
  assert.equal(
    hex(proto.task.StateResponse.encode({
      id: "a",
      pid: 300,
      status: proto.Status.STOPPED,
      exitedAt: { seconds: -62135596800n },
    })),
    "0a016118ac0220035" + "20b088092b8c398feffffff01",
  );
  assert.equal(
    hex(proto.task.UpdateTaskRequest.encode({ annotations: new Map([["k", "v"], ["", ""]]) })),
    "1a060a016b120176" + "1a040a001200",
  );
  assert.equal(
    hex(cgroupsV1.CPUUsage.encode({ perCpu: [1n, 300n], total: 2n ** 64n - 1n })),
    "08ffffffffffffffffff01" + "220301ac02",
  );
});

Deno.test("encode() leaves defaults out", () => {
  assert.equal(
    hex(proto.task.StateResponse.encode(proto.task.StateResponse.decode(new Uint8Array()))),
    "",
  );
});

Deno.test("uint64 and int64 keep every bit", () => {
  const { PidsStat } = cgroupsV2;
  for (const value of [2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    assert.equal(PidsStat.decode(PidsStat.encode({ limit: value })).limit, value);
  }
  for (const seconds of [-(2n ** 63n), 2n ** 63n - 1n, -1n]) {
    assert.equal(proto.Timestamp.decode(proto.Timestamp.encode({ seconds })).seconds, seconds);
  }
});

Deno.test.each<[string, () => unknown, string]>([
  ["a negative uint32", () => proto.task.StartResponse.encode({ pid: -1 }), "-1 as uint32"],
  ["a fraction", () => proto.task.StartResponse.encode({ pid: 1.5 }), "1.5 as uint32"],
  ["an int32 too large", () => proto.Timestamp.encode({ nanos: 2 ** 31 }), "2147483648 as int32"],
  [
    "a uint64 too large",
    () => cgroupsV2.PidsStat.encode({ limit: 2n ** 64n }),
    "18446744073709551616 as uint64",
  ],
])("encode() refuses %s", (_name, encode, text) => {
  assert.throws(
    encode,
    (error) =>
      error instanceof ShimError && error.kind === "Internal" && error.message.includes(text),
  );
});

Deno.test("decode() skips unknown fields of every wire type and takes unpacked lists", () => {
  const unknown = "a80601" + "a1060102030405060708" + "aa0603616263" + "ad0601020304";
  const known = "2001" + "2002";
  assert.deepEqual(
    cgroupsV1.CPUUsage.decode(Uint8Array.fromHex(unknown + known)).perCpu,
    [1n, 2n],
  );
});

Deno.test("decode() merges a message field that comes twice", () => {
  const bytes = Uint8Array.fromHex("52020801" + "52021002");
  assert.deepEqual(proto.task.StateResponse.decode(bytes).exitedAt, { seconds: 1n, nanos: 2 });
});

Deno.test("decode() keeps the numbers of unknown enum values", () => {
  assert.equal(proto.task.StateResponse.decode(Uint8Array.fromHex("2063")).status as number, 99);
});

Deno.test.each<[string, string]>([
  ["a length beyond the end", "0a05"],
  ["a varint without end", "18ffffffffffffffffffff01"],
  ["a truncated varint", "18ff"],
  ["field number 0", "0001"],
  ["a group without end", "fb01"],
  ["a group's end without its start", "fc01"],
  ["bad UTF-8", "0a01ff"],
  ["a nested length beyond the end", "52020a"],
])("decode() refuses %s", (_name, bytes) => {
  assert.throws(
    () => proto.task.StateResponse.decode(Uint8Array.fromHex(bytes)),
    (error) =>
      error instanceof ShimError && error.kind === "InvalidArgument" &&
      error.message.startsWith("decode containerd.task.v2.StateResponse: "),
  );
});

Deno.test("decode() of random bytes answers or throws InvalidArgument", () => {
  const next = random(2);
  for (let round = 0; round < 5000; round++) {
    const bytes = Uint8Array.from({ length: next() * 40 }, () => next() * 256);
    const type = types[round % types.length];
    try {
      type.decode(bytes);
    } catch (error) {
      assert.ok(error instanceof ShimError && error.kind === "InvalidArgument", String(error));
    }
  }
});

Deno.test("toTimestamp() and fromTimestamp() agree, before 1970 too", () => {
  for (const ns of [0n, 1n, -1n, 1_700_000_000_123_456_789n, -1_500_000_000n]) {
    const timestamp = proto.toTimestamp(ns);
    assert.ok(timestamp.nanos >= 0 && timestamp.nanos < 1e9);
    assert.equal(proto.fromTimestamp(timestamp), ns);
  }
  assert.deepEqual(proto.toTimestamp(-1n), { seconds: -1n, nanos: 999_999_999 });
});
