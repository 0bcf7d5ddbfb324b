import assert from "node:assert/strict";
import { NO_LIMITS, parseSpec } from "../oci/mod.ts";
import type { StdioPaths } from "../stdio/mod.ts";
import { Options as GenericOptions } from "../proto/runtime_options.ts";
import type { CreateRequest, Making } from "./container.ts";
import { identify } from "./identity.ts";
import { readTaskState, type TaskState, writeTaskState } from "./state_file.ts";
import { Pair, stateOf } from "./testing/pair.ts";
import { NO_STDIO, NOBODY } from "./testing/process.ts";
import { exists, TestWorkshop } from "./testing/workshop.ts";
import { createWasm, WasmContainer } from "./wasm.ts";
import type { ForkRequest } from "./zygote.ts";
import type { Zygotes } from "./zygotes.ts";

const MODULE = Uint8Array.fromHex("0061736d01000000");

/** A workshop whose zygote and monitors are the test's. */
class Subject implements AsyncDisposable {
  readonly shop = new TestWorkshop();
  readonly folder: string;
  readonly caller = new AbortController();
  /** What the zygote does when it is asked to fork. */
  forking: (request: ForkRequest) => Promise<void> = () => Promise.resolve();
  readonly #pairs: Pair[] = [];

  constructor() {
    const { shop } = this;
    shop.config(["/app.wasm"]);
    this.folder = shop.state("web", {});
    Object.assign(shop.workshop, {
      zygotes: {
        start() {},
        fork: (request: ForkRequest) => this.forking(request),
      } as unknown as Zygotes,
      seccomp: { compile: () => ({ flags: 0, filter: new Uint8Array() }) },
    });
  }

  create(
    change: { paths?: StdioPaths; rootfs?: string; options?: CreateRequest["options"] } = {},
  ): ReturnType<typeof createWasm> {
    const { shop: { workshop, bundle }, folder, caller: { signal } } = this;
    const config = Deno.readTextFileSync(`${bundle}/config.json`);
    const save = (change: Partial<TaskState>) =>
      writeTaskState(folder, { ...readTaskState(folder)!, ...change });
    const { paths = NO_STDIO, rootfs = `${bundle}/rootfs` } = change;
    const { options } = change;
    const request = { id: "web", bundle, rootfs: [], paths, checkpoint: "", options };
    const making: Making = { workshop, request, config, rootfs, folder, save, signal };
    const module = { root: rootfs, path: "/app.wasm", digest: "", export: "_start" };
    return createWasm(making, module);
  }

  /** A container whose init is this process, as far as anyone can see. */
  container(layer?: string): WasmContainer {
    const { workshop, bundle } = this.shop;
    const spec = parseSpec(Deno.readTextFileSync(`${bundle}/config.json`));
    const cgroup = workshop.cgroups.at("/web");
    return new WasmContainer(
      workshop,
      "web",
      bundle,
      this.folder,
      spec,
      NO_LIMITS,
      cgroup,
      identify(Deno.pid),
      layer,
    );
  }

  /** The monitor of `key` connects and says `lines`. */
  async monitor(key: string, ...lines: string[]): Promise<Pair> {
    const pair = await Pair.connect();
    this.#pairs.push(pair);
    this.shop.monitors.connected(pair.near, key);
    await pair.far.write(lines.map((line) => `${line}\n`).join(""));
    return pair;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) pair[Symbol.dispose]();
    await this.shop[Symbol.asyncDispose]();
  }
}

Deno.test("createWasm() has the zygote fork a process, which waits", async () => {
  await using subject = new Subject();
  const { shop, folder } = subject;
  const requests: ForkRequest[] = [];
  subject.forking = async (request) => {
    requests.push(request);
    await subject.monitor("web", `ready ${NOBODY}`);
  };
  const { container, launched } = await subject.create();
  assert.deepEqual([launched.pid, container.ownPidNamespace], [NOBODY, true]);
  const [{ plan, ...request }] = requests;
  assert.deepEqual(request, {
    key: "web",
    root: `${shop.bundle}/rootfs`,
    module: "/app.wasm",
    digest: "",
    memoryLimit: 0,
    guest: {
      ...{ args: ["/app.wasm"], env: [], cwd: "/", export: "_start" },
      ...{ preopens: [{ guest: "/", host: "/" }], listeners: [] },
    },
    monitor: ["--key", "web", "--socket", shop.workshop.control, "--dir", folder],
    served: undefined,
  });
  assert.deepEqual(plan.init.slice(0, 3).map(({ op }) => op), ["open", "open", "open"]);
  const { cgroup } = readTaskState(folder)!;
  assert.equal(cgroup, container.cgroup.path);
  assert.equal(exists(`${shop.path}/cgroups${cgroup}`), true);
});

Deno.test("createWasm() limits init, and what is exec'd, as the runtime options say", async () => {
  await using subject = new Subject();
  const requests: ForkRequest[] = [];
  subject.forking = async (request) => {
    requests.push(request);
    await subject.monitor(request.key, `ready ${Deno.pid}`);
  };
  const module = `${subject.shop.path}/tool.wasm`;
  Deno.writeFileSync(module, MODULE);
  const toml = new TextEncoder().encode('MemoryLimit = "1MiB"\nCpuDeadline = "1m"\n');
  const options = {
    typeUrl: "runtimeoptions.v1.Options",
    value: GenericOptions.encode({ configBody: toml }),
  };
  const { container } = await subject.create({ options });
  const limits = { memoryBytes: 2 ** 20, cpuSeconds: 60 };
  assert.deepEqual(readTaskState(subject.folder)!.limits, limits);
  const spec = JSON.stringify({ args: [module], cwd: "/" });
  await container.prepareExec({ execId: "x", paths: NO_STDIO, spec })(subject.caller.signal);
  assert.deepEqual(requests.map(({ key }) => key), ["web", "web/x"]);
  for (const { memoryLimit, plan } of requests) {
    assert.equal(memoryLimit, 2 ** 20);
    assert.deepEqual(plan.init.filter(({ op }) => op === "rlimit"), [
      { op: "rlimit", resource: 0, soft: 60n, hard: 61n },
    ]);
  }
});

Deno.test("createWasm() refuses runtime options that cannot be, before anything is made", async () => {
  await using subject = new Subject();
  const options = {
    typeUrl: "runtimeoptions.v1.Options",
    value: GenericOptions.encode({ configBody: new TextEncoder().encode('MemoryLimit = "1 MB"') }),
  };
  await assert.rejects(subject.create({ options }), {
    kind: "InvalidArgument",
    message: 'runtime options: MemoryLimit = "1 MB": not a size like 256MiB or 1GiB',
  });
  assert.equal(readTaskState(subject.folder)!.cgroup, null);
});

Deno.test("createWasm() kills what could not set itself up, and says why", async () => {
  await using subject = new Subject();
  const connected = Promise.withResolvers<Pair>();
  subject.forking = async () =>
    connected.resolve(await subject.monitor("web", "failed 2 chdir /srv"));
  const creating = subject.create();
  creating.catch(() => {});
  const { far } = await connected.promise;
  assert.equal(await far.read(), "kill 9");
  assert.equal(await stateOf(creating), "pending");
  await far.write("exit 1 1 2\n");
  await assert.rejects(creating, {
    kind: "Internal",
    message: "set up the sandbox: chdir /srv: ENOENT: no such file or directory",
  });
});

Deno.test("createWasm() that is refused by the zygote expects no monitor", async () => {
  await using subject = new Subject();
  subject.forking = () => Promise.reject(new Error("compile"));
  await assert.rejects(subject.create(), /^Error: compile$/);
  const { far } = await subject.monitor("web");
  assert.equal(await far.read(), "kill 9");
});

Deno.test("createWasm() for a caller that gives up sends a monitor away that comes yet", async () => {
  await using subject = new Subject();
  const connected = Promise.withResolvers<Pair>();
  subject.forking = async () => {
    subject.caller.abort(new Error("gone"));
    connected.resolve(await subject.monitor("web", `ready ${NOBODY}`));
  };
  await assert.rejects(subject.create(), { kind: "DeadlineExceeded" });
  assert.equal(await (await connected.promise).far.read(), "kill 9");
});

Deno.test("createWasm() whose plan cannot be made leaves no logger", async () => {
  await using subject = new Subject();
  const { shop } = subject;
  // Its FIFOs are words 3, 5 and 7; it ends with its input.
  shop.script("launcher", 'exec 3< "$3"; echo $$ > logger; echo > "$7"; exec cat <&3');
  Object.assign(shop.workshop.native, {
    dw_mkfifo: (path: Uint8Array) => {
      const args = [new TextDecoder().decode(path.subarray(0, -1))];
      return new Deno.Command("mkfifo", { args }).outputSync().code;
    },
  });
  shop.workshop.seccomp.compile = () => {
    throw new Error("seccomp");
  };
  const paths = { ...NO_STDIO, stdout: "binary:///bin/logger" };
  await assert.rejects(subject.create({ paths }), /^Error: seccomp$/);
  const [pid] = await shop.lines("logger");
  assert.equal(exists(`/proc/${pid}`), false);
  assert.deepEqual([...Deno.readDirSync(subject.folder)].map(({ name }) => name), ["state.json"]);
});

Deno.test.each([
  ["", "InvalidArgument", /^parse exec spec: /],
  ['{"args":[],"cwd":"/"}', "InvalidArgument", /^process\.args: /],
  ['{"args":["/a.wasm"],"cwd":"/","ioPriority":{"priority":1}}', "Unimplemented", /^process\.ioP/],
])("WasmContainer.prepareExec() refuses the process %j", async (spec, kind, message) => {
  await using subject = new Subject();
  const prepare = () => subject.container().prepareExec({ execId: "x", paths: NO_STDIO, spec });
  assert.throws(prepare, { kind, message });
});

Deno.test("WasmContainer's exec refuses what is no module, and what is not there", async () => {
  await using subject = new Subject();
  const file = `${subject.shop.path}/native`;
  Deno.writeTextFileSync(file, "#!/bin/sh\n");
  const { signal } = subject.caller;
  const launch = (path: string) => {
    const spec = JSON.stringify({ args: [path], cwd: "/" });
    return subject.container().prepareExec({ execId: "x", paths: NO_STDIO, spec })(signal);
  };
  await assert.rejects(launch(file), {
    kind: "InvalidArgument",
    message: `run process.args[0] ${file}: it is not a WebAssembly module`,
  });
  await assert.rejects(launch("/none.wasm"), { kind: "NotFound" });
});

Deno.test("WasmContainer's exec is forked into init's namespaces, when it is started", async () => {
  await using subject = new Subject();
  const { shop } = subject;
  const module = `${shop.path}/tool.wasm`;
  Deno.writeFileSync(module, MODULE);
  const requests: ForkRequest[] = [];
  subject.forking = async (request) => {
    requests.push(request);
    await subject.monitor("web/tool", `ready ${NOBODY}`, "exit 4 1 2");
  };
  const spec = JSON.stringify({ args: [`${module}#run`, "b"], cwd: "/", env: ["A=1"] });
  const container = subject.container();
  const launch = container.prepareExec({ execId: "tool", paths: NO_STDIO, spec });
  assert.equal(requests.length, 0);
  const launched = await launch(subject.caller.signal);
  assert.equal((await launched.monitor.exited)?.code, 4);
  const [{ plan, guest, root, monitor, ...request }] = requests;
  assert.deepEqual(request, {
    ...{ key: "web/tool", module, digest: "", memoryLimit: 0, served: undefined },
  });
  assert.deepEqual([guest.export, guest.args.at(-1), guest.env], ["run", "b", ["A=1"]]);
  assert.equal(root, `/proc/${Deno.pid}/root`);
  assert.deepEqual(monitor.slice(-2), ["--dir", `${subject.folder}/execs/tool`]);
  assert.deepEqual(plan.monitor, [{ op: "enter", ...identifyOf(container), kinds: ["pid"] }]);
});

Deno.test.each([
  ["/app.wasm", "_start"],
  ["app.wasm#tool", "tool"],
  ["./app.wasm#", "_start"],
])("WasmContainer.prepareExec() runs the layer, when %j names it", async (name, expected) => {
  await using subject = new Subject();
  const requests: ForkRequest[] = [];
  subject.forking = async (request) => {
    requests.push(request);
    await subject.monitor("web/tool", `ready ${NOBODY}`, "exit 0 1 2");
  };
  const spec = JSON.stringify({ args: [name], cwd: "/", env: ["PATH=/bin:/"] });
  const container = subject.container("/sha256:ab12/app.wasm");
  const launch = container.prepareExec({ execId: "tool", paths: NO_STDIO, spec });
  await (await launch(subject.caller.signal)).monitor.exited;
  const [{ root, module, digest, guest }] = requests;
  assert.deepEqual([root, module, digest, guest.export], [
    subject.folder,
    "/sha256:ab12/app.wasm",
    "ab12",
    expected,
  ]);
});

Deno.test("WasmContainer.prepareExec() looks for another name than the layer's in the root", async () => {
  await using subject = new Subject();
  const container = subject.container("/sha256:ab12/app.wasm");
  const spec = JSON.stringify({ args: ["/bin/app.wasm"], cwd: "/", env: [] });
  const launch = container.prepareExec({ execId: "tool", paths: NO_STDIO, spec });
  await assert.rejects(launch(subject.caller.signal), { kind: "NotFound" });
});

const identifyOf = ({ init: { pid, startTime } }: WasmContainer) => ({ pid, startTime });

Deno.test("WasmContainer.signalAll() signals those that are known, ended or not", async () => {
  await using subject = new Subject();
  const signals: number[] = [];
  const known = [
    { kill: () => Promise.reject(new Error("already finished")) },
    { kill: (signal: number) => Promise.resolve(void signals.push(signal)) },
  ];
  const container = subject.container();
  await container.signalAll(15, known as unknown as Parameters<typeof container.signalAll>[1]);
  assert.deepEqual(signals, [15]);
});

Deno.test("createWasm() asks for a component as one that may be served", async () => {
  await using subject = new Subject();
  const { bundle } = subject.shop;
  const config = JSON.parse(Deno.readTextFileSync(`${bundle}/config.json`));
  const requests: ForkRequest[] = [];
  subject.forking = async (request) => {
    requests.push(request);
    await subject.monitor("web", `ready ${NOBODY}`);
  };
  Deno.mkdirSync(`${bundle}/rootfs`, { recursive: true });
  Deno.writeFileSync(`${bundle}/rootfs/app.wasm`, Uint8Array.fromHex("0061736d0d000100"));
  for (const value of ["127.0.0.1:80", "here"]) {
    config.process.env = [`DENOWASI_HTTP_SOCKET_ADDR=${value}`];
    Deno.writeTextFileSync(`${bundle}/config.json`, JSON.stringify(config));
    await subject.create();
  }
  const [good, bad] = requests.map(({ served }) => served!);
  assert.equal(good.refusal, "");
  assert.equal(bad.refusal, 'DENOWASI_HTTP_SOCKET_ADDR: "here": not ADDRESS:PORT');
  const names = (ops: readonly { op: string }[]) => ops.map(({ op }) => op);
  const [{ plan }] = requests;
  assert.deepEqual(names(good.init), names(plan.init), "they differ in their filters alone");
});
