import assert from "node:assert/strict";
import { MessageReader, MessageWriter } from "../linux/wire.ts";
import type { LineConnection } from "./lines.ts";
import { Pair, stateOf } from "./testing/pair.ts";
import { type ForkRequest, Zygote } from "./zygote.ts";
import { Zygotes } from "./zygotes.ts";

/** A runtime folder whose launcher is a shell script. */
class Runtime implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "denowasi-runtime-" });

  constructor(script?: string) {
    if (script === undefined) return;
    const path = `${this.path}/launcher`;
    Deno.writeTextFileSync(path, `#!/bin/sh\ncd "${this.path}"\n${script}\n`, { mode: 0o755 });
  }

  /** What the script has written to the file `name`. */
  read(name: string): string {
    return Deno.readTextFileSync(`${this.path}/${name}`);
  }

  /** Resolves when the file `name` has a line. */
  async written(name: string): Promise<void> {
    const path = `${this.path}/${name}`;
    while (!exists(path) || !this.read(name).endsWith("\n")) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  get zygote(): Zygote {
    return new Zygote({
      ...{ runtime: this.path, controlSocket: "/c.sock" },
      ...{ engine: "deno", compilation: "lazy" },
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

const request = (key: string): ForkRequest => ({
  key,
  root: "/rootfs",
  module: "/app.wasm",
  digest: "ab12",
  memoryLimit: 65536,
  plan: { monitor: [{ op: "pivot" }], init: [] },
  guest: {
    ...{ args: ["é"], env: ["A=1"], cwd: "/", export: "_start" },
    ...{ preopens: [], listeners: [] },
  },
  monitor: ["--key", key, "--stdin", ""],
});

/** The fields of the request that the zygote receives next, and the monitor's arguments, as text. */
async function receive(far: LineConnection): Promise<string[]> {
  const head = await far.readBytes(4);
  const message = (await far.readBytes(new DataView(head!.buffer).getUint32(0, true)))!;
  const reader = new MessageReader(message);
  const fields = Array.from({ length: 13 }, () => reader.bytes());
  const last = fields[12];
  const rest = message.slice(last.byteOffset - message.byteOffset + last.length + 1);
  const count = new DataView(rest.buffer).getUint32(0, true);
  const list = new MessageReader(rest.subarray(4));
  const text = fields.map((field) => new TextDecoder().decode(field));
  return [...text, ...Array.from({ length: count }, () => list.string())];
}

/** The zygote answers. */
async function answer(far: LineConnection, ...fields: string[]): Promise<void> {
  const writer = new MessageWriter();
  for (const field of fields) writer.bytes(field);
  const message = writer.finish();
  await far.write(new MessageWriter().u32(message.length).finish());
  await far.write(message);
}

Deno.test("Zygote.fork() asks with every field, in order", async () => {
  using runtime = new Runtime();
  using pair = await Pair.connect();
  const { zygote } = runtime;
  zygote.expect();
  zygote.connected(pair.near);
  const forked = zygote.fork(request("web/sh"));
  assert.deepEqual(await receive(pair.far), [
    "web/sh",
    "/rootfs",
    "/app.wasm",
    "ab12",
    "_start",
    "65536",
    "\x01\0\0\0\x0d\0\0\0",
    "\0\0\0\0",
    '{"args":["é"],"env":["A=1"],"cwd":"/","export":"_start","preopens":[],"listeners":[]}',
    `${runtime.path}/launcher`,
    ...["", "", ""],
    ...["--key", "web/sh", "--stdin", ""],
  ]);
  assert.equal(await stateOf(forked), "pending");
  await answer(pair.far, "web/sh", "ok", "");
  await forked;
});

Deno.test.each([
  ["InvalidArgument", "InvalidArgument"],
  ["NotFound", "NotFound"],
  ["nonsense", "Internal"],
  ["", "Internal"],
  ["constructor", "Internal"],
])("Zygote.fork() rejects with the kind %j as %s", async (kind, expected) => {
  using runtime = new Runtime();
  using pair = await Pair.connect();
  const { zygote } = runtime;
  zygote.expect();
  zygote.connected(pair.near);
  const forked = zygote.fork(request("web"));
  await receive(pair.far);
  await answer(pair.far, "web", kind, "compile /app.wasm: bad");
  await assert.rejects(forked, { kind: expected, message: "compile /app.wasm: bad" });
});

Deno.test("Zygotes.fork() has a large module forked by the one that compiles what is called", async () => {
  using runtime = new Runtime("exec sleep 60");
  using eager = await Pair.connect();
  using lazy = await Pair.connect();
  const zygotes = new Zygotes({ runtime: runtime.path, controlSocket: "/c.sock", engine: "deno" });
  assert.equal(zygotes.expect(), true);
  zygotes.connected(eager.near, "eager");
  const small = zygotes.fork(request("small"));
  assert.equal((await receive(eager.far))[0], "small");
  await answer(eager.far, "small", "ok", "");
  await small;
  const large = zygotes.fork({ ...request("large"), digest: "cd34" });
  assert.equal((await receive(eager.far))[0], "large");
  await answer(eager.far, "large", "large", "");
  assert.equal(await stateOf(large), "pending");
  zygotes.connected(lazy.near, "lazy");
  assert.equal((await receive(lazy.far))[0], "large");
  await answer(lazy.far, "large", "ok", "");
  await large;
  assert.deepEqual(["ab12", "cd34", "ef56"].map((digest) => zygotes.hasCompiled(digest)), [
    ...[true, true, false],
  ]);
  await zygotes.stop();
});

Deno.test("Zygote.fork() asks for one container at a time, and goes on after a refusal", async () => {
  using runtime = new Runtime();
  using pair = await Pair.connect();
  const { zygote } = runtime;
  zygote.expect();
  const forks = ["a", "b", "c"].map((id) => zygote.fork(request(id)));
  zygote.connected(pair.near);
  const results = Promise.allSettled(forks);
  for (const id of ["a", "b", "c"]) {
    assert.equal((await receive(pair.far))[0], id);
    await answer(pair.far, id, id === "b" ? "NotFound" : "ok", "no b");
  }
  assert.deepEqual((await results).map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
});

Deno.test("Zygote.start() starts one, with nothing in its environment", async () => {
  using runtime = new Runtime(
    "echo $0 $* >> started; env > environment.new; mv environment.new environment; exec sleep 60",
  );
  const { zygote } = runtime;
  zygote.start();
  zygote.start();
  using pair = await Pair.connect();
  zygote.connected(pair.near);
  const forked = zygote.fork(request("web"));
  await receive(pair.far);
  await answer(pair.far, "web", "ok", "");
  await forked;
  await runtime.written("environment");
  assert.equal(
    runtime.read("started"),
    `${runtime.path}/launcher zygote ${runtime.path} /c.sock deno lazy\n`,
  );
  const names = runtime.read("environment").split("\n").filter(Boolean).map((line) =>
    line.split("=")[0]
  );
  assert.deepEqual(names.filter((name) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(name)), []);
  await zygote.stop();
});

Deno.test("Zygote.fork() starts another one when the first has died, and asks again", async () => {
  using runtime = new Runtime("echo started >> log; exec sleep 60");
  const { zygote } = runtime;
  zygote.expect();
  using first = await Pair.connect();
  zygote.connected(first.near);
  const forked = zygote.fork(request("web"));
  await receive(first.far);
  first.far[Symbol.dispose]();
  using second = await Pair.connect();
  await runtime.written("log");
  zygote.connected(second.near);
  assert.equal((await receive(second.far))[0], "web");
  await answer(second.far, "web", "ok", "");
  await forked;
  assert.equal(runtime.read("log"), "started\n");
  await zygote.stop();
});

Deno.test("Zygote.fork() gives up when the second dies over it, too, and leaves no process", async () => {
  using runtime = new Runtime("echo $$ > pid; exec sleep 60");
  const { zygote } = runtime;
  zygote.expect();
  using first = await Pair.connect();
  zygote.connected(first.near);
  const forked = zygote.fork(request("web"));
  forked.catch(() => {});
  first.far[Symbol.dispose]();
  using second = await Pair.connect();
  await runtime.written("pid");
  const pid = Number(runtime.read("pid"));
  zygote.connected(second.near);
  second.far[Symbol.dispose]();
  await assert.rejects(forked, {
    kind: "Unavailable",
    message: "start web: the zygote ended over it, twice",
  });
  // One that has closed its connection is of no use, whatever it does.
  const deadline = performance.now() + 500;
  while (exists(`/proc/${pid}`) && performance.now() < deadline) await stateOf(forked);
  const left = exists(`/proc/${pid}`);
  if (left) Deno.kill(pid, "SIGKILL");
  await stateOf(forked); // its status has come
  assert.equal(left, false, "its process is left");
});

Deno.test("Zygote.fork() says why none could be started", async () => {
  using failing = new Runtime("exit 3");
  await assert.rejects(failing.zygote.fork(request("web")), {
    kind: "Unavailable",
    message: "start the zygote: it ended: exit 3",
  });
  using killed = new Runtime("kill -9 $$");
  await assert.rejects(killed.zygote.fork(request("web")), {
    kind: "Unavailable",
    message: "start the zygote: it ended: killed by SIGKILL",
  });
  using none = new Runtime();
  await assert.rejects(none.zygote.fork(request("web")));
});

Deno.test("Zygote.connected() closes a connection that nobody waits for", async () => {
  using runtime = new Runtime();
  const { zygote } = runtime;
  using pair = await Pair.connect();
  zygote.connected(pair.near);
  assert.equal(await pair.far.read(), null);
});

Deno.test("Zygote.connected() closes a second connection: that zygote would wait for ever", async () => {
  using runtime = new Runtime();
  const { zygote } = runtime;
  zygote.expect();
  using first = await Pair.connect();
  using second = await Pair.connect();
  zygote.connected(first.near);
  zygote.connected(second.near);
  const ended = second.far.read();
  assert.equal(await stateOf(ended), "settled");
  const forked = zygote.fork(request("web"));
  await receive(first.far);
  await answer(first.far, "web", "ok", "");
  await forked;
});

Deno.test("Zygote.stop() closes the connection and ends the process", async () => {
  using runtime = new Runtime("echo $$ > pid; exec sleep 60");
  const { zygote } = runtime;
  zygote.start();
  await runtime.written("pid");
  using pair = await Pair.connect();
  zygote.connected(pair.near);
  await zygote.stop();
  assert.equal(await pair.far.read(), null);
  assert.equal(exists(`/proc/${runtime.read("pid").trim()}`), false);
  await zygote.stop();
});

Deno.test("Zygote.stop() does not wait for one that has not connected", async () => {
  using runtime = new Runtime("exec sleep 60");
  const { zygote } = runtime;
  zygote.start();
  await zygote.stop();
});

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
