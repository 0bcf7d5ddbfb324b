/** What Wasm containers do as native ones do: exec, pause, update, processes. This shim only. */

import assert from "node:assert/strict";
import type { Cases } from "../support/cases.ts";
import { limitOf } from "../support/limits.ts";
import { type Daemon, sleep, waitFor } from "../support/mod.ts";
import { deleteTask, execIn, removeTask, spawnIn } from "../support/native.ts";
import { resourcesSpec } from "../support/pod.ts";
import { connectTask } from "../support/shim.ts";
import { detachWasm, newId, type RunOptions, taskStatus } from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";
const MIB = 1 << 20;

export const WASM_EXEC_CASES: Cases = {
  "another module, an export of it, the same module": (daemon) =>
    inContainer(daemon, async (id) => {
      const hello = await execIn(daemon, id, ["/hello.wasm"]);
      assert.deepEqual([hello.code, hello.out], [0, "hello world\n"], hello.err);
      const foo = await execIn(daemon, id, ["/hello.wasm#foo"]);
      assert.deepEqual([foo.code, foo.out], [0, "hello from foo\n"], foo.err);
      const demo = await execIn(daemon, id, [DEMO, "echo", "a", "", "b c"]);
      assert.deepEqual([demo.code, demo.out, demo.err], [0, "a  b c\n", "exiting\n"]);
    }),

  "its exit code, and a trap's": (daemon) =>
    inContainer(daemon, async (id) => {
      assert.equal((await execIn(daemon, id, ["/exit42.wasm"])).code, 42);
      const trap = await execIn(daemon, id, ["/unreachable.wasm"]);
      assert.equal(trap.code, 134);
      assert.match(trap.err, /unreachable/);
    }),

  "stdin arrives byte for byte, and ends": (daemon) =>
    inContainer(daemon, async (id) => {
      const stdin = new Uint8Array(300_000).map((_, index) => index * 7 + (index >> 8));
      const { code, stdout } = await execIn(daemon, id, ["/cat.wasm"], { stdin });
      assert.equal(code, 0);
      assert.deepEqual(stdout, stdin);
    }),

  "it is in the container: volume, processes, network": async (daemon) => {
    const volume = `${daemon.base}/${newId("volume")}`;
    await Deno.mkdir(volume);
    const flags = ["--null-io", "--mount", `type=bind,src=${volume},dst=/volume,options=rbind:rw`];
    await inContainer(daemon, async (id, pid) => {
      const files = (...args: string[]) => execIn(daemon, id, ["/files.wasm", ...args]);
      const write = await files("write", "/volume/f", "from the exec");
      assert.equal(write.code, 0, write.err);
      assert.equal(await Deno.readTextFile(`${volume}/f`), "from the exec");
      assert.match((await files("read", "/proc/1/comm")).out, /wasi-demo-app/);
      const own = (await files("read", "/proc/self/stat")).out.split(" ")[0];
      assert.ok(Number(own) > 1, own);
      const devices = Deno.readTextFileSync(daemon.path(`/proc/${pid}/net/dev`));
      const interfaces = (text: string) =>
        [...text.matchAll(/^ *(\w+):/gm)].map(([, name]) => name);
      const seen = interfaces((await files("read", "/proc/self/net/dev")).out);
      assert.deepEqual(seen, interfaces(devices));
    }, { flags });
  },

  "a user of its own, without capabilities": (daemon) =>
    inContainer(daemon, async (id) => {
      const args = ["/files.wasm", "read", "/proc/self/status"];
      const { out } = await execIn(daemon, id, args, { flags: ["--user", "1000:1001"] });
      assert.match(out, /^Uid:\s1000\s1000\s1000\s1000$/m);
      assert.match(out, /^Gid:\s1001\s1001\s1001\s1001$/m);
      assert.match(out, /^CapEff:\s0{16}$/m);
      assert.match(out, /^Seccomp:\s2$/m);
    }),

  "what is no module is refused, and the container runs on": (daemon) =>
    inContainer(daemon, async (id) => {
      const refused: [string, RegExp][] = [
        ["/bin/busybox", /\/bin\/busybox: it is not a WebAssembly module/],
        ["/nowhere.wasm", /\/nowhere\.wasm: no such file/],
        ["/hello.wasm#missing", /export missing of \/hello\.wasm/],
        ["/invalid.wasm", /\/invalid\.wasm/],
      ];
      for (const [program, said] of refused) {
        const { code, out, err } = await execIn(daemon, id, [program]);
        assert.notEqual(code, 0, program);
        assert.equal(out, "", program);
        assert.match(err, said);
      }
    }),

  "a signal ends it alone; the end of init ends it, too": async (daemon) => {
    const container = await detachWasm(daemon, [DEMO, "daemon"]);
    const ids = [newId("exec"), newId("exec")];
    const [first, second] = ids.map((id) => spawnIn(daemon, container, [DEMO, "daemon"], { id }));
    await Promise.all([first, second].map((exec) => exec.waitForOutput("never ends.\n")));
    const kill = ["task", "kill", "--signal", "TERM"];
    await daemon.mustCtr([...kill, "--exec-id", ids[0], container]);
    assert.equal((await first.result).code, 143);
    await daemon.mustCtr([...kill, container]);
    assert.equal((await second.result).code, 137);
    assert.equal(await deleteTask(daemon, container), 143);
  },
};

export const WASM_CASES: Cases = {
  "a paused container stands still, and goes on": async (daemon) => {
    const id = await detachWasm(daemon, ["/loop.wasm"]);
    const { pid } = (await taskStatus(daemon, id))!;
    await daemon.mustCtr(["task", "pause", id]);
    assert.equal((await taskStatus(daemon, id))?.status, "PAUSED");
    const paused = cpuTicks(daemon, pid);
    await sleep(200);
    assert.equal(cpuTicks(daemon, pid), paused);
    assert.notEqual((await execIn(daemon, id, ["/hello.wasm"])).code, 0);
    await daemon.mustCtr(["task", "resume", id]);
    assert.equal((await taskStatus(daemon, id))?.status, "RUNNING");
    await waitFor("it to go on", () => cpuTicks(daemon, pid) > paused);
    await removeTask(daemon, id);
  },

  "KILL ends a paused container": async (daemon) => {
    const id = await detachWasm(daemon, ["/loop.wasm"]);
    await daemon.mustCtr(["task", "pause", id]);
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", id]);
    assert.equal(await deleteTask(daemon, id), 137);
  },

  "Update changes its limits": async (daemon) => {
    const id = await detachWasm(daemon, [DEMO, "daemon"]);
    {
      using client = await connectTask(daemon, id);
      const resources = { memory: { limit: 96 * MIB }, cpu: { quota: 20_000, period: 100_000 } };
      await client.call("Update", { id, resources: resourcesSpec(resources) });
    }
    assert.equal(limitOf(daemon, id, "memory"), String(96 * MIB));
    assert.equal(limitOf(daemon, id, "cpuQuota"), "20000");
    await removeTask(daemon, id);
  },

  "ctr task ps lists its execs": async (daemon) => {
    const container = await detachWasm(daemon, [DEMO, "daemon"]);
    const id = newId("exec");
    const exec = spawnIn(daemon, container, [DEMO, "daemon"], { id });
    await exec.waitForOutput("never ends.\n");
    const { out } = await daemon.mustCtr(["task", "ps", container]);
    assert.equal(out.trim().split("\n").length, 3, out);
    assert.match(out, new RegExp(`^${(await taskStatus(daemon, container))!.pid}\\b`, "m"));
    assert.match(out, new RegExp(`\\b${id}\\b`));
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", "--exec-id", id, container]);
    await exec.result;
    await removeTask(daemon, container);
  },
};

/** Does `body` in a container that runs before and after it. */
async function inContainer(
  daemon: Daemon,
  body: (id: string, pid: number) => Promise<void>,
  options: RunOptions = {},
): Promise<void> {
  const id = await detachWasm(daemon, [DEMO, "sleep", "1000"], options);
  const running = (await taskStatus(daemon, id))!;
  await body(id, running.pid);
  assert.deepEqual(await taskStatus(daemon, id), running);
  await removeTask(daemon, id);
}

/** User and system time of process `pid` so far, proc_pid_stat(5). */
function cpuTicks(daemon: Daemon, pid: number): number {
  const stat = Deno.readTextFileSync(daemon.path(`/proc/${pid}/stat`));
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return Number(user) + Number(system);
}
