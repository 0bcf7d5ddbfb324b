import assert from "node:assert/strict";
import type { StdioPaths } from "../stdio/mod.ts";
import { outline } from "../oci/mod.ts";
import type { Making } from "./container.ts";
import { createOci, type OciContainer } from "./oci.ts";
import type { Launched } from "./process.ts";
import { readTaskState, type TaskState, writeTaskState } from "./state_file.ts";
import { Pair, stateOf } from "./testing/pair.ts";
import { NO_STDIO, NOBODY } from "./testing/process.ts";
import { exists, TestWorkshop } from "./testing/workshop.ts";

/** The container "web" in the making: the test plays its monitors, and a script its runtime. */
class Subject implements AsyncDisposable {
  readonly #shop = new TestWorkshop();
  readonly #pairs: Pair[] = [];
  readonly folder: string;
  readonly caller = new AbortController();

  constructor(readonly paths: StdioPaths = NO_STDIO) {
    const shop = this.#shop;
    shop.config(["sh"]);
    shop.script("bin/crun", `printf '%s\\n' "$@" > called.new; mv called.new called`);
    this.folder = shop.state("web", { paths });
  }

  get shop(): TestWorkshop {
    return this.#shop;
  }

  create(options?: Making["request"]["options"]): ReturnType<typeof createOci> {
    const { workshop, bundle } = this.#shop;
    const config = Deno.readTextFileSync(`${bundle}/config.json`);
    const save = (change: Partial<TaskState>) =>
      writeTaskState(this.folder, { ...readTaskState(this.folder)!, ...change });
    const request = { id: "web", bundle, rootfs: [], paths: this.paths, checkpoint: "", options };
    const { folder, caller: { signal } } = this;
    const rootfs = `${bundle}/rootfs`;
    const making: Making = { workshop, request, config, rootfs, folder, save, signal };
    return createOci(making, outline(config));
  }

  /** The monitor of `key` connects and says `lines`. */
  async monitor(key: string, ...lines: string[]): Promise<Pair> {
    const pair = await Pair.connect();
    this.#pairs.push(pair);
    this.#shop.monitors.connected(pair.near, key);
    await pair.far.write(lines.map((line) => `${line}\n`).join(""));
    return pair;
  }

  /** Made, and the launcher that was its monitor ended. */
  async made(): Promise<{ container: OciContainer; launched: Launched; monitor: Pair }> {
    const creating = this.create();
    await this.#shop.lines("args");
    const monitor = await this.monitor("web", `ready ${NOBODY}`);
    const made = await creating;
    await this.#shop.endLauncher();
    return { ...made, monitor };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) pair[Symbol.dispose]();
    await this.#shop[Symbol.asyncDispose]();
  }
}

const { signal } = new AbortController();

Deno.test("createOci() has a monitor run the runtime's create, and waits for the process", async () => {
  await using subject = new Subject();
  const { shop, folder } = subject;
  const creating = subject.create();
  const runtime = `${shop.path}/bin/crun`;
  const root = "/run/denowasi/runc/default";
  assert.deepEqual(await shop.lines("args"), [
    "monitor",
    ...["--key", "web", "--socket", shop.workshop.control, "--dir", folder],
    ...["--pid-file", `${folder}/pid`, "--"],
    ...[runtime, "--root", root, "--log", `${folder}/log.json`, "--log-format", "json", "create"],
    ...["--bundle", shop.bundle, "--config", `${folder}/config.json`],
    ...["--pid-file", `${folder}/pid`, "web"],
  ]);
  // Before there can be a container, so that whatever is there is named.
  assert.deepEqual(readTaskState(folder)?.runtime, { binary: runtime, root, systemdCgroup: false });
  assert.equal(await stateOf(creating), "pending");
  await subject.monitor("web", `ready ${NOBODY}`);
  const { container, launched } = await creating;
  assert.deepEqual([launched.pid, container.id, container.ownPidNamespace], [NOBODY, "web", true]);
  assert.equal(readTaskState(folder)?.cgroup, "/web");
  assert.equal(JSON.parse(Deno.readTextFileSync(`${folder}/config.json`)).ociVersion, "1.0.2");
});

Deno.test("createOci() gives a terminal's socket, of a short path, and removes the runtime's files", async () => {
  await using subject = new Subject({ ...NO_STDIO, terminal: true });
  const { shop, folder } = subject;
  const creating = subject.create();
  const args = await shop.lines("args");
  const console = args[args.indexOf("--console") + 1];
  assert.ok(console.startsWith(`${shop.workshop.control}.console`), console);
  assert.equal(args[args.indexOf("--console-socket") + 1], console);
  assert.equal(args[args.indexOf("--terminal") + 1], "1");
  for (const name of ["log.json", "pid"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
  await subject.monitor("web", `ready ${NOBODY}`);
  await creating;
  assert.deepEqual(["log.json", "pid"].map((name) => exists(`${folder}/${name}`)), [false, false]);
});

Deno.test("createOci() that is refused says what the runtime has written", async () => {
  await using subject = new Subject();
  const creating = subject.create();
  await subject.shop.lines("args");
  const entry = { level: "error", msg: "executable file `sh` not found in $PATH" };
  Deno.writeTextFileSync(`${subject.folder}/log.json`, `${JSON.stringify(entry)}\n`);
  const monitor = await subject.monitor("web", "refused 1", "exit 1 1 2");
  await assert.rejects(creating, {
    kind: "NotFound",
    message: "oci runtime create: executable file `sh` not found in $PATH",
  });
  assert.equal(exists(`${subject.folder}/log.json`), false);
  assert.ok([null, "kill 9"].includes(await monitor.far.read()));
});

Deno.test("createOci() that is refused without a word says the exit status", async () => {
  await using subject = new Subject();
  const creating = subject.create();
  await subject.shop.lines("args");
  await subject.monitor("web", "refused 137", "exit 137 1 2");
  await assert.rejects(creating, {
    kind: "Internal",
    message: "oci runtime create: exit status 137",
  });
});

Deno.test("createOci() kills what failed, and waits for its end", async () => {
  await using subject = new Subject();
  const creating = subject.create();
  creating.catch(() => {});
  await subject.shop.lines("args");
  const monitor = await subject.monitor("web", "failed 22 console");
  assert.equal(await monitor.far.read(), "kill 9");
  assert.equal(await stateOf(creating), "pending");
  await monitor.far.write("exit 137 1 2\n");
  await assert.rejects(creating, { kind: "Internal" });
});

Deno.test("createOci() says that its monitor has ended without a word", async () => {
  await using subject = new Subject();
  const creating = subject.create();
  creating.catch(() => {});
  await subject.shop.lines("args");
  await subject.shop.endLauncher();
  await assert.rejects(creating, {
    kind: "Internal",
    message: "set up web: its monitor ended with 137",
  });
});

Deno.test("createOci() for a caller that gives up ends the runtime", async () => {
  await using subject = new Subject();
  const creating = subject.create();
  creating.catch(() => {});
  await subject.shop.lines("args");
  const monitor = await subject.monitor("web");
  assert.equal(await stateOf(creating), "pending");
  subject.caller.abort(new Error("gone"));
  assert.equal(await monitor.far.read(), "kill 9");
  await monitor.far.write("exit 137 1 2\n");
  await assert.rejects(creating, /^Error: gone$/);
});

Deno.test("createOci() for a caller that gives up sends a monitor away that comes yet", async () => {
  await using subject = new Subject();
  const creating = subject.create();
  creating.catch(() => {});
  await subject.shop.lines("args");
  subject.caller.abort(new Error("gone"));
  const monitor = await subject.monitor("web", `ready ${NOBODY}`);
  assert.equal(await monitor.far.read(), "kill 9");
  await assert.rejects(creating, { kind: "DeadlineExceeded" });
});

Deno.test("createOci() without a runtime runs nothing", async () => {
  await using subject = new Subject();
  subject.shop.workshop.path = "/nowhere";
  await assert.rejects(subject.create(), {
    kind: "FailedPrecondition",
    message: /^find the oci runtime: no crun, runc, youki in PATH = "\/nowhere"/,
  });
  assert.equal(readTaskState(subject.folder)?.runtime, null);
});

Deno.test("OciContainer has the runtime do what is asked for", async () => {
  await using subject = new Subject();
  const { shop } = subject;
  const { container } = await subject.made();
  const call = async (running: Promise<void>) => {
    await running;
    const words = await shop.lines("called");
    return words.slice(words.indexOf("json") + 1);
  };
  assert.deepEqual(await call(container.start(signal)), ["start", "web"]);
  assert.deepEqual(await call(container.pause()), ["pause", "web"]);
  assert.deepEqual(await call(container.resume()), ["resume", "web"]);
  assert.deepEqual(await call(container.signalAll(15)), ["kill", "--all", "web", "15"]);
  const [update, , file, id] = await call(container.update("{}"));
  assert.deepEqual([update, id, exists(file)], ["update", "web", false]);
});

Deno.test("OciContainer.prepareExec() refuses a process that is none", async () => {
  await using subject = new Subject();
  const { container } = await subject.made();
  const prepare = (spec: string) => container.prepareExec({ execId: "ls", paths: NO_STDIO, spec });
  assert.throws(() => prepare(""), { kind: "InvalidArgument", message: /^parse exec spec: / });
  assert.throws(() => prepare("{}"), { kind: "InvalidArgument", message: /^args: / });
  assert.equal(exists(`${subject.folder}/execs`), false);
});

Deno.test("OciContainer.prepareExec() launches by the runtime's exec, when it is started", async () => {
  await using subject = new Subject();
  const { shop } = subject;
  const { container } = await subject.made();
  const spec = '{"args": ["ls"], "cwd": "/"}';
  const launch = container.prepareExec({ execId: "ls", paths: NO_STDIO, spec });
  const folder = `${subject.folder}/execs/ls`;
  assert.equal(exists(folder), false);
  const launching = launch(signal);
  const args = await shop.lines("args");
  assert.deepEqual(args.slice(0, 9), [
    "monitor",
    ...["--key", "web/ls", "--socket", shop.workshop.control, "--dir", folder],
    ...["--pid-file", `${folder}/pid`],
  ]);
  assert.deepEqual(args.slice(args.indexOf("exec")), [
    ...["exec", "--detach", "--process", `${folder}/process.json`],
    ...["--pid-file", `${folder}/pid`, "web"],
  ]);
  assert.equal(Deno.readTextFileSync(`${folder}/process.json`), spec);
  await subject.monitor("web/ls", `ready ${NOBODY}`, "exit 0 1 2");
  const launched = await launching;
  assert.equal(launched.pid, NOBODY);
  assert.equal((await launched.monitor.exited)?.code, 0);
});

Deno.test("OciContainer's exec that the runtime refuses leaves the container alone", async () => {
  await using subject = new Subject();
  const { container, monitor } = await subject.made();
  const spec = '{"args": ["none"]}';
  const launching = container.prepareExec({ execId: "x", paths: NO_STDIO, spec })(signal);
  await subject.shop.lines("args");
  await subject.monitor("web/x", "refused 1", "exit 1 1 2");
  await assert.rejects(launching, { message: "oci runtime exec: exit status 1" });
  assert.equal(await stateOf(monitor.far.read()), "pending");
});
