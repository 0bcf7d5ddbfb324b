import assert from "node:assert/strict";
import { Cgroups } from "../cgroups/mod.ts";
import type { SupervisorNative } from "../linux/native.ts";
import { type Cleaning, cleanTask, endOrphan, readExitFile } from "./clean.ts";
import { identify } from "./identity.ts";
import { createTaskState, readTaskState, type TaskState, writeTaskState } from "./state_file.ts";
import { NO_STDIO } from "./testing/process.ts";
import { hastenTimers } from "./testing/timers.ts";

const STATE: TaskState = {
  bundle: "/b",
  control: "/c",
  paths: NO_STDIO,
  rootfs: null,
  cgroup: null,
  limits: null,
  runtime: null,
  init: null,
  paused: false,
};

/** One container's state, and a host with its cgroup where a root is unmounted by name only. */
class Left implements Disposable {
  readonly #path = Deno.makeTempDirSync({ prefix: "denowasi-left-" });
  readonly folder = `${this.#path}/tasks/default/web`;
  readonly cgroup = `${this.#path}/cgroups/web`;
  readonly unmounted: string[] = [];
  readonly cleaning: Cleaning;
  /** What unmounting answers. */
  errno = 0;

  constructor(state: Partial<TaskState>) {
    Deno.mkdirSync(this.cgroup, { recursive: true });
    createTaskState(this.folder, { ...STATE, ...state });
    const layout = {
      version: 2,
      hierarchies: [{ controllers: [], root: `${this.#path}/cgroups` }],
    } as const;
    const native = {
      dw_unmount_all: (target: Uint8Array) => {
        this.unmounted.push(new TextDecoder().decode(target.subarray(0, -1)));
        return -this.errno;
      },
    };
    this.cleaning = { native: native as unknown as SupervisorNative, cgroups: new Cgroups(layout) };
  }

  /**
   * Give it to an OCI runtime that knows two containers: a shell script for `delete`, with the container's id in $1.
   */
  runtime(script: string): void {
    const [binary, root] = [`${this.#path}/crun`, `${this.#path}/root`];
    const words = 'while [ "$1" != delete ]; do shift; done; shift; [ "$1" = --force ] && shift';
    Deno.writeTextFileSync(binary, `#!/bin/sh\ncd "${this.#path}"\n${words}\n${script}\n`, {
      mode: 0o755,
    });
    Deno.mkdirSync(`${root}/web`, { recursive: true });
    Deno.mkdirSync(`${root}/other`);
    const runtime = { binary, root, systemdCgroup: false };
    writeTaskState(this.folder, { ...STATE, cgroup: "/web", runtime });
  }

  /** The containers that the runtime knows. */
  get containers(): string[] {
    return [...Deno.readDirSync(`${this.#path}/root`)].map(({ name }) => name).sort();
  }

  get names(): string[] {
    return [...Deno.readDirSync(`${this.#path}/tasks/default`)].map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#path, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("cleanTask() removes what the state names, and the state", async () => {
  using left = new Left({ rootfs: "/b/rootfs", cgroup: "/web" });
  await cleanTask(left.cleaning, left.folder);
  assert.deepEqual(left.unmounted, ["/b/rootfs"]);
  assert.equal(exists(left.cgroup), false);
  assert.deepEqual(left.names, []);
});

Deno.test("cleanTask() touches nothing that the state does not name", async () => {
  using left = new Left({});
  await cleanTask(left.cleaning, left.folder);
  assert.deepEqual(left.unmounted, []);
  assert.equal(exists(left.cgroup), true);
  assert.deepEqual(left.names, []);
});

Deno.test("cleanTask() of what is clean, or whose state was cut short, is no failure", async () => {
  using left = new Left({ rootfs: "/b/rootfs" });
  Deno.writeTextFileSync(`${left.folder}/state.json`, '{"rootfs":');
  await cleanTask(left.cleaning, left.folder);
  await cleanTask(left.cleaning, left.folder);
  assert.deepEqual(left.names, []);
});

Deno.test("cleanTask() that fails keeps the state, and can be repeated", async () => {
  using left = new Left({ rootfs: "/b/rootfs", cgroup: "/web" });
  left.errno = 16;
  await assert.rejects(cleanTask(left.cleaning, left.folder), {
    kind: "FailedPrecondition",
    message: "unmount /b/rootfs: EBUSY: device or resource busy",
  });
  assert.deepEqual(left.names, ["web"]);
  left.errno = 0;
  await cleanTask(left.cleaning, left.folder);
  assert.deepEqual(left.names, []);
});

Deno.test("cleanTask() has the runtime delete its container, while the state is there", async () => {
  using left = new Left({});
  left.runtime('[ -e tasks/default/web/state.json ] && rmdir "root/$1"');
  await cleanTask(left.cleaning, left.folder);
  assert.deepEqual([left.containers, left.names], [["other"], []]);
  assert.equal(exists(left.cgroup), false);
});

Deno.test("cleanTask() removes itself what a runtime that fails, or is not there, has left", async () => {
  for (const script of ["echo no >&2; exit 1", "kill -9 $", null]) {
    using left = new Left({});
    left.runtime(script ?? "");
    const { runtime } = readTaskState(left.folder)!;
    if (script === null) Deno.removeSync(runtime!.binary);
    await cleanTask(left.cleaning, left.folder);
    assert.deepEqual([left.containers, left.names], [["other"], []]);
    assert.equal(exists(left.cgroup), false);
  }
});

Deno.test("cleanTask() does not wait for ever for a runtime that hangs", async () => {
  using timers = hastenTimers();
  using left = new Left({});
  left.runtime("exec sleep 60");
  await cleanTask(left.cleaning, left.folder);
  assert.ok(timers.delaysMs.includes(10_000), `${timers.delaysMs}`);
  assert.deepEqual([left.containers, left.names], [["other"], []]);
  assert.equal(exists(left.cgroup), false);
});

Deno.test("cleanTask() ends what a runtime has left in the cgroup", async () => {
  using left = new Left({});
  left.runtime("exit 1");
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const members = `${left.cgroup}/cgroup.procs`;
  Deno.writeTextFileSync(members, `${child.pid}\n`);
  const ended = child.status.then(({ signal }) => {
    Deno.removeSync(members); // as the kernel does
    return signal;
  });
  await cleanTask(left.cleaning, left.folder);
  assert.equal(await ended, "SIGKILL");
  assert.equal(exists(left.cgroup), false);
});

Deno.test("readExitFile() answers what the monitor wrote, or null", () => {
  using left = new Left({});
  assert.equal(readExitFile(left.folder), null);
  Deno.writeTextFileSync(`${left.folder}/exit`, "143 17 5\n");
  assert.deepEqual(readExitFile(left.folder), { code: 143, at: { seconds: 17, nanos: 5 } });
  Deno.writeTextFileSync(`${left.folder}/exit`, "143 1");
  assert.equal(readExitFile(left.folder), null);
});

/** Runs for a minute; when it ends, the file `exit` is written as a monitor does. */
function init(left: Left): { child: Deno.ChildProcess; ended: Promise<void> } {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const ended = child.status.then(({ signal }) => {
    assert.equal(signal, "SIGKILL");
    Deno.writeTextFileSync(`${left.folder}/exit`, "137 1 2\n");
  });
  writeTaskState(left.folder, { ...STATE, init: identify(child.pid) });
  return { child, ended };
}

Deno.test("endOrphan() kills init and waits for its exit", async () => {
  using left = new Left({});
  const { child, ended } = init(left);
  assert.deepEqual(await endOrphan(left.folder), {
    pid: child.pid,
    exit: { code: 137, at: { seconds: 1, nanos: 2 } },
  });
  await ended;
});

Deno.test("endOrphan() spares another process of the same pid", async () => {
  using left = new Left({ init: { pid: Deno.pid, startTime: "1" } });
  Deno.writeTextFileSync(`${left.folder}/exit`, "0 1 2\n");
  assert.equal((await endOrphan(left.folder)).exit?.code, 0);
});

Deno.test("endOrphan() without an init, or without anything, answers at once", async () => {
  using left = new Left({});
  assert.deepEqual(await endOrphan(left.folder), { pid: 0, exit: null });
  await cleanTask(left.cleaning, left.folder);
  assert.deepEqual(await endOrphan(left.folder), { pid: 0, exit: null });
});
