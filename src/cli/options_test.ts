import assert from "node:assert/strict";
import { Any } from "../proto/mod.ts";
import { Options as GenericOptions } from "../proto/runtime_options.ts";
import { MAX_OPTIONS_BYTES, parseStartOptions, readOptions } from "./options.ts";

/** An input that gives at most `step` bytes at a time. */
function input(data: Uint8Array, step: number) {
  let at = 0;
  return {
    readSync(buffer: Uint8Array): number | null {
      if (at >= data.length) return null;
      const chunk = data.subarray(at, at + Math.min(step, buffer.length));
      buffer.set(chunk);
      at += chunk.length;
      return chunk.length;
    },
  };
}

Deno.test("readOptions() reads nothing from nothing", () => {
  assert.deepEqual(readOptions(input(new Uint8Array(), 1)), new Uint8Array());
});

Deno.test.each([1, 7, 100_000])("readOptions() joins what comes in pieces of %i", (step) => {
  const data = Uint8Array.from({ length: 200_003 }, (_, index) => index % 251);
  assert.deepEqual(readOptions(input(data, step)), data);
});

Deno.test("readOptions() takes as much as one message may hold, and refuses more", () => {
  const most = new Uint8Array(MAX_OPTIONS_BYTES);
  assert.equal(readOptions(input(most, 1 << 16)).length, MAX_OPTIONS_BYTES);
  assert.throws(() => readOptions(input(new Uint8Array(MAX_OPTIONS_BYTES + 1), 1 << 16)), {
    kind: "InvalidArgument",
    message: /more than 4194304 bytes/,
  });
});

const bytes = (text: string) => new TextEncoder().encode(text);

/** A field of a protobuf message that is bytes, a string or a message. */
function field(number: number, value: Uint8Array): number[] {
  return [number << 3 | 2, ...varint(value.length), ...value];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...varint(value >> 7)];
}

const OPTIONS = {
  typeUrl: "runtimeoptions.v1.Options",
  value: GenericOptions.encode({ configBody: bytes(`# ${"long".repeat(100)}`) }),
};

/** As containerd 2.3 writes them: see api/runtime/bootstrap/v1/bootstrap.proto there. */
function bootstrap(...extensions: { typeUrl: string; value: Uint8Array }[]): Uint8Array {
  return Uint8Array.from([
    ...field(1, bytes("web-1")),
    ...field(2, bytes("default")),
    ...[3 << 3, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // log_level -4
    ...field(4, bytes("2.3.0")),
    ...field(6, bytes("/run/containerd/containerd.sock")),
    ...extensions.flatMap((any) => field(8, Uint8Array.from(field(1, Any.encode(any))))),
  ]);
}

const OTHER = { typeUrl: "containerd.io/nri.v1.PluginConfig", value: bytes("x") };

Deno.test("parseStartOptions() reads an Any", () => {
  assert.deepEqual(parseStartOptions(Any.encode(OPTIONS)), OPTIONS);
  const empty = { typeUrl: "containerd.runc.v1.Options", value: new Uint8Array() };
  assert.deepEqual(parseStartOptions(Any.encode(empty)), empty);
});

Deno.test("parseStartOptions() finds the options among bootstrap parameters", () => {
  assert.deepEqual(parseStartOptions(bootstrap(OPTIONS)), OPTIONS);
  assert.deepEqual(parseStartOptions(bootstrap(OTHER, OPTIONS)), OPTIONS);
  const prefixed = { ...OPTIONS, typeUrl: `type.googleapis.com/${OPTIONS.typeUrl}` };
  assert.deepEqual(parseStartOptions(bootstrap(prefixed)), prefixed);
});

Deno.test("parseStartOptions() does not take bootstrap parameters for an Any", () => {
  assert.equal(parseStartOptions(bootstrap()), undefined);
  assert.equal(parseStartOptions(bootstrap(OTHER)), undefined);
  const named = bootstrap();
  // An id may look like a type.
  const id = field(1, bytes("containerd.runc.v1.Options"));
  assert.equal(parseStartOptions(Uint8Array.from([...id, ...named])), undefined);
});

Deno.test("parseStartOptions() skips numbers, and takes the last of a field", () => {
  const numbers = [3 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8, 4 << 3 | 5, 1, 2, 3, 4];
  assert.deepEqual(
    parseStartOptions(Uint8Array.from([...numbers, ...bootstrap(OPTIONS)])),
    OPTIONS,
  );
  const twice = [...Any.encode(OTHER), ...Any.encode(OPTIONS)];
  assert.deepEqual(parseStartOptions(Uint8Array.from(twice)), OPTIONS);
});

Deno.test.each([
  ["nothing", []],
  ["text", [...bytes('{"id":"web-1"}')]],
  ["a tag without an end", [0xff]],
  ["numbers without an end", new Array(1000).fill(0xff)],
  ["a length beyond the end", [0x0a, 5, 0x61]],
  ["an enormous length", [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x61]],
  ["a group", [0x0b, 0x0c]],
  ["a cut extension", field(8, Uint8Array.of(0x0a, 9, 0x0a))],
  ["an extension that is a number", [8 << 3, 5]],
  ["an Any without a type", field(2, bytes("value"))],
])("parseStartOptions() finds none in %s", (_, input) => {
  assert.equal(parseStartOptions(Uint8Array.from(input)), undefined);
});

Deno.test("parseStartOptions() survives every cut of what it can read", () => {
  for (const whole of [Any.encode(OPTIONS), bootstrap(OTHER, OPTIONS)]) {
    for (let length = 0; length < whole.length; length++) {
      parseStartOptions(whole.subarray(0, length));
    }
  }
});
