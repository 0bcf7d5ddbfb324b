import assert from "node:assert/strict";
import { Cgroups } from "../cgroups/mod.ts";
import type { SupervisorNative } from "../linux/native.ts";
import { type Cleaning, cleanTask, endOrphan, readExitFile } from "./clean.ts";
import { createTaskState, processStartTime, type TaskState, writeTaskState } from "./state_file.ts";

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
    createTaskState(this.folder, {
      bundle: "/b",
      control: "/c",
      rootfs: null,
      cgroup: null,
      init: null,
      ...state,
    });
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
  const startTime = processStartTime(child.pid)!;
  writeTaskState(left.folder, {
    bundle: "/b",
    control: "/c",
    rootfs: null,
    cgroup: null,
    init: { pid: child.pid, startTime },
  });
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
