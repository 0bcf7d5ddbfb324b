/**
 * Proves the test support on the shim that is known to be right, runc's: what these tests do must work
 * before a failure of the others says anything about the shim under test.
 */

import assert from "node:assert/strict";
import { listCgroups } from "../support/cgroups.ts";
import { busyboxImage } from "../support/images.ts";
import { assertCensus, Daemon, type Version, waitFor } from "../support/mod.ts";

const IMAGE = "localhost/denowasi/busybox:latest";
const RUN = ["run", "--rm", "--runtime", "io.containerd.runc.v2"];

/** Leaves the folders behind that the first container of a daemon does. */
async function warmUp(daemon: Daemon) {
  await daemon.mustCtr([...RUN, IMAGE, "first", "true"]);
}

const VERSIONS: Version[] = ["1.6", "1.7", "2.1"];

for (const version of VERSIONS) {
  Deno.test(`Daemon ${version}`, async (t) => {
    let base = "";
    {
      await using daemon = await Daemon.start({ version });
      base = daemon.base;
      await daemon.importImage(await busyboxImage(IMAGE));
      await warmUp(daemon);
      for (const [name, body] of Object.entries(STEPS)) await t.step(name, () => body(daemon));
    }
    await t.step("stop() leaves nothing", async () => {
      await assert.rejects(Deno.stat(base), Deno.errors.NotFound);
      assert.deepEqual(listCgroups(base.slice(base.lastIndexOf("/") + 1)), []);
    });
  });
}

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "ctr() gives output, bytes kept, and exit code": async (daemon) => {
    const script = "printf 'a\\377\\000b'; echo to stderr >&2; exit 42";
    const result = await daemon.ctr([...RUN, IMAGE, "output", "sh", "-c", script]);
    assert.deepEqual([...result.stdout], [0x61, 0xff, 0x00, 0x62]);
    assert.equal(result.err, "to stderr\n");
    assert.equal(result.code, 42);
  },

  "ctr() ends a command that takes too long": async (daemon) => {
    const sleeping = daemon.ctr([...RUN, IMAGE, "late", "sleep", "60"], { timeoutMs: 1000 });
    await assert.rejects(sleeping, /waited 1000 ms for .* to end/);
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", "late"]);
    await waitFor("the task to end", async () => {
      return (await daemon.ctr(["task", "delete", "late"])).code === 0;
    });
    await daemon.mustCtr(["container", "delete", "late"]);
  },

  "events() sees a container's life, in order": async (daemon) => {
    await using events = await daemon.events();
    await daemon.mustCtr([...RUN, IMAGE, "life", "true"]);
    const exit = await events.waitFor("/tasks/exit", "life");
    // Not /tasks/delete: the shim of containerd 2.1 often ends before it has sent that.
    const tasks = events.topics("life").filter((topic) => topic.startsWith("/tasks/")).slice(0, 3);
    assert.deepEqual(tasks, ["/tasks/create", "/tasks/start", "/tasks/exit"]);
    assert.equal(exit.namespace, daemon.namespace);
  },

  "census() is the same before and after a container": async (daemon) => {
    const before = daemon.census();
    assert.ok(before.processes.includes("containerd"), `${before.processes}`);
    await daemon.mustCtr([...RUN, IMAGE, "census", "true"]);
    await assertCensus(daemon, before);
  },

  "census() sees a container that was left": async (daemon) => {
    const before = daemon.census();
    const running = daemon.spawnCtr([...RUN, IMAGE, "left", "sleep", "60"]);
    await waitFor("the process", () => daemon.processes().find(({ comm }) => comm === "sleep"));
    await assert.rejects(assertCensus(daemon, before, 100), /something was left behind/);
    const now = daemon.census();
    assert.ok(now.processes.includes("containerd-shim"), `${now.processes}`);
    assert.ok(now.cgroups.length > before.cgroups.length);
    assert.ok(now.run.length > before.run.length);
    assert.ok(now.mounts.length > before.mounts.length);
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", "left"]);
    assert.equal((await running.result).code, 137);
    await assertCensus(daemon, before);
  },

  "restart() keeps a task": async (daemon) => {
    const before = daemon.census();
    await daemon.mustCtr([
      ...RUN.filter((arg) => arg !== "--rm"),
      "-d",
      IMAGE,
      "kept",
      "sleep",
      "60",
    ]);
    // Started, but maybe still runc's init for a moment.
    const { pid } = await waitFor("the process", () => {
      return daemon.processes().find(({ comm }) => comm === "sleep");
    });
    for (const signal of ["TERM", "KILL"] as const) {
      await daemon.restart(signal);
      const tasks = await daemon.mustCtr(["task", "list"]);
      assert.match(tasks.out, new RegExp(`^kept +${pid} +RUNNING`, "m"));
    }
    // The shim's socket can be connected to from outside.
    const path = await daemon.taskSocket("kept");
    (await Deno.connect({ transport: "unix", path })).close();
    assert.ok(daemon.fdCount(pid) >= 3);
    await daemon.kill(pid, "KILL");
    const deleted = await waitFor("the task to end", async () => {
      const result = await daemon.ctr(["task", "delete", "kept"]);
      return result.code === 0 && result;
    });
    assert.match(deleted.err, /exit code 137/);
    await daemon.mustCtr(["container", "delete", "kept"]);
    await assertCensus(daemon, before);
  },

  "exec() passes stdin and environment": async (daemon) => {
    const script = 'cat; echo "$WORD"';
    const result = await daemon.exec(["sh", "-c", script], { stdin: "in ", env: { WORD: "env" } });
    assert.equal(result.out, "in env\n");
  },

  "/etc, /run and /var/lib are the daemon's own": async (daemon) => {
    await Deno.writeTextFile(daemon.path("/etc/denowasi/probe"), "private");
    assert.equal((await daemon.exec(["cat", "/etc/denowasi/probe"])).out, "private");
    await assert.rejects(Deno.stat("/etc/denowasi/probe"), Deno.errors.NotFound);
    assert.ok(daemon.mounts().includes("/run"));
    assert.ok(daemon.mounts().includes("/var/lib/denowasi"));
  },
};
