import assert from "node:assert/strict";
import type { ShimError } from "../errdefs/mod.ts";
import { Options as RuncOptions } from "../proto/runc_options.ts";
import { Options as GenericOptions } from "../proto/runtime_options.ts";
import { DEFAULT_OPTIONS, isRuntimeOptions, parseRuntimeOptions } from "./options.ts";

const runc = (options: Parameters<typeof RuncOptions.encode>[0], prefix = "") => ({
  typeUrl: `${prefix}containerd.runc.v1.Options`,
  value: RuncOptions.encode(options),
});

const generic = (options: { typeUrl?: string; configPath?: string; configBody?: Uint8Array }) => ({
  typeUrl: "runtimeoptions.v1.Options",
  value: GenericOptions.encode(options),
});

const bytes = (text: string) => new TextEncoder().encode(text);

const body = (text: string) => generic({ configBody: bytes(text) });

/** What is wrong with a file that has this content, without its path. */
async function fileError(write: (path: string) => void): Promise<Error> {
  const folder = Deno.makeTempDirSync({ prefix: "denowasi-runc-" });
  try {
    write(`${folder}/o.toml`);
    await parseRuntimeOptions(generic({ configPath: `${folder}/o.toml` }));
  } catch (error) {
    const { message } = error as Error;
    return Object.assign(error as Error, { message: message.replace(folder, "") });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  assert.fail("no error");
}

const COMPLETE = `
  # As containerd's own configuration has them.
  BinaryName = "/usr/bin/crun"
  CriuImagePath = ""
  CriuPath = ""
  CriuWorkPath = ""
  IoGid = 0
  IoUid = 4294967295
  NoNewKeyring = true
  NoPivotRoot = true
  Root = "/run/other"
  ShimCgroup = "/shims"
  SystemdCgroup = true
  TypeUrl = "whatever"
  ConfigPath = ""
`;

const ALL_SET = {
  binaryName: "/usr/bin/crun",
  root: "/run/other",
  systemdCgroup: true,
  noPivotRoot: true,
  noNewKeyring: true,
  shimCgroup: "/shims",
  memoryLimit: 0,
  cpuDeadline: 0,
};

Deno.test.each([
  ["absent", undefined],
  ["empty", { typeUrl: "", value: new Uint8Array() }],
  ["of runc's type", runc({})],
  ["of the generic type", generic({})],
  ["of another type within", generic({ typeUrl: "io.containerd.something.v1.options" })],
  ["a comment", body("# nothing\n")],
])("parseRuntimeOptions() answers the defaults when options are %s", async (_, any) => {
  const options = await parseRuntimeOptions(any);
  assert.deepEqual(options, DEFAULT_OPTIONS);
  assert.notEqual(options, DEFAULT_OPTIONS);
});

Deno.test.each(["", "/", "type.googleapis.com/"])(
  "parseRuntimeOptions() reads containerd.runc.v1.Options, prefixed by %j",
  async (prefix) => {
    const options = { ...ALL_SET, ioUid: 5, ioGid: 6, criuWorkPath: "/w", taskApiVersion: 3 };
    assert.deepEqual(await parseRuntimeOptions(runc(options, prefix)), ALL_SET);
  },
);

Deno.test("parseRuntimeOptions() reads TOML in the message, under both names of its type", async () => {
  assert.deepEqual(await parseRuntimeOptions(body(COMPLETE)), ALL_SET);
  const older = { ...body('BinaryName = "runc"'), typeUrl: "/cri.runtimeoptions.v1.Options" };
  assert.deepEqual(await parseRuntimeOptions(older), { ...DEFAULT_OPTIONS, binaryName: "runc" });
});

Deno.test("parseRuntimeOptions() reads a file, but not when the message has TOML itself", async () => {
  const configPath = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(configPath, COMPLETE);
    assert.deepEqual(await parseRuntimeOptions(generic({ configPath })), ALL_SET);
    const both = generic({ configPath, configBody: bytes("SystemdCgroup = true") });
    assert.deepEqual(await parseRuntimeOptions(both), { ...DEFAULT_OPTIONS, systemdCgroup: true });
  } finally {
    Deno.removeSync(configPath);
  }
});

Deno.test("parseRuntimeOptions() reads the limits of Wasm guests as bytes and seconds", async () => {
  const text = 'MemoryLimit = "256MiB"\nCpuDeadline = "1m30s"';
  assert.deepEqual(await parseRuntimeOptions(body(text)), {
    ...DEFAULT_OPTIONS,
    memoryLimit: 256 * 2 ** 20,
    cpuDeadline: 90,
  });
});

Deno.test.each([
  ['MemoryLimit = "lots"', 'MemoryLimit = "lots": not a size like 256MiB or 1GiB'],
  ["MemoryLimit = 65536", "MemoryLimit = 65536: not a size like 256MiB or 1GiB"],
  ['MemoryLimit = ""', 'MemoryLimit = "": not a size like 256MiB or 1GiB'],
  [
    'CpuDeadline = "1.5s"',
    'CpuDeadline = "1.5s": not a duration in whole seconds like 30s or 1m30s',
  ],
  ["CpuDeadline = 30", "CpuDeadline = 30: not a duration in whole seconds like 30s or 1m30s"],
  ['Binary = "crun"', 'Binary = "crun": not an option'],
  ['binaryName = "crun"', 'binaryName = "crun": not an option'],
  ['constructor = "x"', 'constructor = "x": not an option'],
  ["[Options]\nRoot = 1", 'Options = {"Root":1}: not an option'],
  ['ConfigPath = "/etc/x"', 'ConfigPath = "/etc/x": not an option'],
  ["BinaryName = 5", "BinaryName = 5: not a string"],
  ['BinaryName = "a\\u0000"', 'BinaryName = "a\\u0000": has a NUL'],
  ["BinaryName = 2020-01-01", /BinaryName = .*: not a string/],
  ['SystemdCgroup = "true"', 'SystemdCgroup = "true": not a boolean'],
  ["IoUid = -1", "IoUid = -1: not an integer from 0 to 4294967295"],
  ["IoUid = 1.5", "IoUid = 1.5: not an integer from 0 to 4294967295"],
  ["CriuPath = false", "CriuPath = false: not a string"],
  ['Root = "run/crun"', 'Root = "run/crun": not an absolute path'],
])("parseRuntimeOptions() rejects %j", async (text, message) => {
  const expected = typeof message === "string" ? `runtime options: ${message}` : message;
  await assert.rejects(parseRuntimeOptions(body(text)), {
    kind: "InvalidArgument",
    message: expected,
  });
});

Deno.test.each([
  ["no TOML", body("not TOML"), "not TOML: "],
  ["no UTF-8", generic({ configBody: Uint8Array.of(0x41, 0xff) }), "not TOML: "],
  ["long TOML", body(`#${"x".repeat(1 << 16)}`), "more than 65536 bytes"],
  ["a relative path", generic({ configPath: "o.toml" }), 'ConfigPath = "o.toml": not an absolute'],
  ["an absent file", generic({ configPath: "/no/o" }), 'ConfigPath = "/no/o": not there'],
  ["a folder", generic({ configPath: "/" }), 'ConfigPath = "/": not a file'],
  ["a relative root", runc({ root: "run" }), 'Root = "run": not an absolute path'],
  [
    "another type",
    { typeUrl: "a.b/c.Options", value: bytes("") },
    'type "a.b/c.Options": not known',
  ],
  ["no type", { typeUrl: "", value: bytes("x") }, 'type "": not known'],
])("parseRuntimeOptions() says what is wrong with %s", async (_, any, reason) => {
  await assert.rejects(parseRuntimeOptions(any), (error: ShimError) => {
    assert.equal(error.kind, "InvalidArgument");
    assert.ok(error.message.startsWith(`runtime options: ${reason}`), error.message);
    return true;
  });
});

Deno.test("parseRuntimeOptions() rejects what is no protobuf", async () => {
  const any = { ...runc({}), value: Uint8Array.of(0xff) };
  await assert.rejects(parseRuntimeOptions(any), { kind: "InvalidArgument" });
});

Deno.test("parseRuntimeOptions() names the file, and waits for none", async () => {
  const wrong = await fileError((path) => Deno.writeTextFileSync(path, "Root = 1"));
  assert.equal(wrong.message, 'runtime options: ConfigPath = "/o.toml": Root = 1: not a string');
  const long = await fileError((path) => Deno.writeFileSync(path, new Uint8Array(65537)));
  assert.equal(long.message, 'runtime options: ConfigPath = "/o.toml": more than 65536 bytes');
  const fifo = await fileError((path) => {
    assert.ok(new Deno.Command("mkfifo", { args: [path] }).outputSync().success);
  });
  assert.equal(fifo.message, 'runtime options: ConfigPath = "/o.toml": not a file');
});

Deno.test("isRuntimeOptions() knows the types that parseRuntimeOptions() does", () => {
  assert.ok(isRuntimeOptions("type.googleapis.com/containerd.runc.v1.Options"));
  assert.ok(isRuntimeOptions("runtimeoptions.v1.Options"));
  assert.ok(!isRuntimeOptions("containerd.runc.v1.CheckpointOptions"));
  assert.ok(!isRuntimeOptions(""));
});
