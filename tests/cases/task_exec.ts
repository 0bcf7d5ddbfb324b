/** Programs that are run in a container that runs already, as `ctr task exec` does. */

import assert from "node:assert/strict";
import type { Cases } from "../support/cases.ts";
import { feedFifo, makeFifos, readFifo } from "../support/fifos.ts";
import { type Daemon, type Result, waitFor } from "../support/mod.ts";
import {
  deleteTask,
  detachNative,
  execIn,
  named,
  removeTask,
  sh,
  spawnIn,
  waitForEnd,
} from "../support/native.ts";
import { processSpec } from "../support/pod.ts";
import { connectTask } from "../support/shim.ts";
import { newId, taskStatus } from "../support/wasm.ts";

export const EXEC_CASES: Cases = {
  "output arrives byte for byte, on its stream, with the exit code": (daemon, runtime) =>
    inContainer(daemon, runtime, async (id) => {
      const script = "printf 'a\\377\\000b'; echo to stderr >&2; exit 42";
      const { stdout, err, code } = await execIn(daemon, id, sh(script));
      assert.deepEqual([...stdout], [0x61, 0xff, 0x00, 0x62]);
      assert.match(err, /^to stderr\n/);
      assert.equal(code, 42);
    }),

  "large output is complete to its last line": (daemon, runtime) =>
    inContainer(daemon, runtime, async (id) => {
      const { code, out } = await execByService(daemon, id, ["seq", "1", "300000"]);
      assert.equal(code, 0);
      assert.deepEqual(out.split("\n").slice(299_999), ["300000", ""]);
    }),

  "stdin arrives as it is typed": (daemon, runtime) =>
    inContainer(daemon, runtime, async (id) => {
      const script = 'for n in 1 2; do read line; echo "$line"; done';
      const running = spawnIn(daemon, id, sh(script), { stdin: "open" });
      await running.write("one\n");
      await running.waitForOutput("one\n");
      await running.write("two\nthree\n");
      assert.equal((await running.result).out, "one\ntwo\n");
    }),

  "stdin arrives byte for byte, and ends": (daemon, runtime) =>
    inContainer(daemon, runtime, async (id) => {
      const stdin = new Uint8Array(300_000).map((_, index) => index * 7 + (index >> 8));
      const { code, stdout } = await execByService(daemon, id, ["cat"], stdin);
      assert.equal(code, 0);
      assert.deepEqual(stdout, stdin);
    }),

  "it has the container's environment, and a directory and user of its own": (daemon, runtime) =>
    inContainer(daemon, runtime, async (id) => {
      const flags = ["--cwd", "/tmp", "--user", "1000:1001"];
      const script = 'echo "$WORD $PWD $(id -u):$(id -g)"';
      const { out, err } = await execIn(daemon, id, sh(script), { flags });
      assert.equal(out, "container /tmp 1000:1001\n", err);
      assert.equal((await execIn(daemon, id, ["id", "-u"])).out, "0\n");
    }),

  "it is in the container: files, processes, host name": (daemon, runtime) =>
    inContainer(daemon, runtime, async (id) => {
      await execIn(daemon, id, sh("echo there > /tmp/file"));
      const { out } = await execIn(daemon, id, sh("cat /tmp/file /proc/1/comm; hostname"));
      const name = (await execIn(daemon, id, ["hostname"])).out;
      assert.equal(out, `there\nsleep\n${name}`);
      for (const kind of ["mnt", "pid", "net", "ipc", "uts"]) {
        const same = `[ $(readlink /proc/1/ns/${kind}) = $(readlink /proc/self/ns/${kind}) ]`;
        assert.equal((await execIn(daemon, id, sh(same))).code, 0, kind);
      }
    }),

  "one exec id twice at once is refused": (daemon, runtime) =>
    inContainer(daemon, runtime, async (container) => {
      const id = newId("exec");
      const first = spawnIn(daemon, container, sh("echo ready; exec sleep 100"), { id });
      await first.waitForOutput("ready\n");
      const second = await execIn(daemon, container, ["true"], { id });
      assert.notEqual(second.code, 0);
      assert.match(second.err, /already exists|it exists/);
      await killExec(daemon, container, id, "KILL");
      assert.equal((await first.result).code, 137);
    }),

  "one exec id twice in turn is fine": (daemon, runtime) =>
    inContainer(daemon, runtime, async (container) => {
      const id = newId("exec");
      for (const code of [3, 4]) {
        assert.equal((await execIn(daemon, container, sh(`exit ${code}`), { id })).code, code);
      }
    }),

  "an exec id that is not there is NotFound": (daemon, runtime) =>
    inContainer(daemon, runtime, async (container) => {
      const kill = await daemon.ctr(["task", "kill", "--exec-id", "nobody", container]);
      assert.notEqual(kill.code, 0);
      assert.match(kill.err, /not found|no such exec/);
    }),

  "a program that is not there is refused, and the container runs on": (daemon, runtime) =>
    inContainer(daemon, runtime, async (container) => {
      const id = newId("exec");
      const { code, err } = await execIn(daemon, container, ["/no/such/program"], { id });
      assert.notEqual(code, 0);
      assert.match(err, /\/no\/such\/program/);
      assert.equal((await execIn(daemon, container, ["true"], { id })).code, 0);
    }),

  "no exec in a container that has ended": async (daemon, runtime) => {
    const id = await detachNative(daemon, runtime, ["true"]);
    await waitForEnd(daemon, id);
    const { code, out } = await execIn(daemon, id, ["echo", "undead"]);
    assert.notEqual(code, 0);
    assert.equal(out, "");
    assert.equal(await deleteTask(daemon, id), 0);
  },

  "a signal ends an exec alone": (daemon, runtime) =>
    inContainer(daemon, runtime, async (container) => {
      const ids = [newId("exec"), newId("exec")];
      const script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
      const [first, second] = ids.map((id) => spawnIn(daemon, container, sh(script), { id }));
      await first.waitForOutput("ready\n");
      await second.waitForOutput("ready\n");
      await killExec(daemon, container, ids[0], "TERM");
      assert.equal((await first.result).code, 9);
      await killExec(daemon, container, ids[1], "KILL");
      assert.equal((await second.result).code, 137);
    }),

  "the end of init ends it, and every exit is told": async (daemon, runtime) => {
    await using events = await daemon.events();
    const container = await detachNative(daemon, runtime, ["sleep", "100"]);
    const id = newId("exec");
    const exec = spawnIn(daemon, container, sh("echo ready; sleep 200; :"), { id });
    await exec.waitForOutput("ready\n");
    await daemon.mustCtr(["task", "kill", "--signal", "KILL", container]);
    assert.equal((await exec.result).code, 137);
    const exits = await waitFor("both exits", () => {
      const found = events.list.filter(({ topic, fields }) =>
        topic === "/tasks/exit" && fields.container_id === container
      );
      return found.length === 2 && found;
    });
    const told = exits.map(({ fields }) => [fields.id, fields.exit_status]);
    assert.deepEqual(told.sort(), [[container, 137], [id, 137]].sort());
    assert.equal(await deleteTask(daemon, container), 137);
    assert.deepEqual(named(daemon, "sleep"), []);
  },

  "what it leaves behind ends with the container, not with it": async (daemon, runtime) => {
    const container = await detachNative(daemon, runtime, ["sleep", "100"]);
    const script = "sleep 200 </dev/null >/dev/null 2>&1 & exit 3";
    assert.equal((await execIn(daemon, container, sh(script))).code, 3);
    assert.equal(named(daemon, "sleep").length, 2);
    await removeTask(daemon, container);
    assert.deepEqual(named(daemon, "sleep"), []);
  },

  "events, in order": async (daemon, runtime) => {
    await using events = await daemon.events();
    const container = await detachNative(daemon, runtime, ["sleep", "100"]);
    const id = newId("exec");
    await execIn(daemon, container, sh("exit 7"), { id });
    const { fields } = await events.waitFor("/tasks/exit", container);
    assert.deepEqual([fields.id, fields.exit_status], [id, 7]);
    const topics = events.topics(container).filter((topic) => topic.startsWith("/tasks/"));
    assert.deepEqual(topics, [
      "/tasks/create",
      "/tasks/start",
      "/tasks/exec-added",
      "/tasks/exec-started",
      "/tasks/exit",
    ]);
    for (const topic of ["/tasks/exec-added", "/tasks/exec-started"]) {
      assert.equal((await events.waitFor(topic, container)).fields.exec_id, id);
    }
    await removeTask(daemon, container);
  },

  "ten at once": (daemon, runtime) =>
    inContainer(daemon, runtime, async (id) => {
      const codes = Array.from({ length: 10 }, (_, index) => index + 1);
      const results = await Promise.all(
        codes.map((code) => execIn(daemon, id, sh(`echo ${code}; exit ${code}`))),
      );
      assert.deepEqual(
        results.map(({ code, out }) => [code, out]),
        codes.map((code) => [code, `${code}\n`]),
      );
    }),
};

/** Does `body` in a container that runs before and after it. */
async function inContainer(
  daemon: Daemon,
  runtime: string,
  body: (id: string) => Promise<void>,
): Promise<void> {
  const id = await detachNative(daemon, runtime, ["sleep", "1000"], {
    flags: ["--env", "WORD=container"],
  });
  const running = await taskStatus(daemon, id);
  try {
    await body(id);
    assert.deepEqual(await taskStatus(daemon, id), running);
  } finally {
    await removeTask(daemon, id);
  }
}

/** By the shim's own protocol, for large output: ctr may end before it has written all that has come. */
async function execByService(
  daemon: Daemon,
  id: string,
  args: string[],
  input?: Uint8Array,
): Promise<Result> {
  using client = await connectTask(daemon, id);
  const { stdin, stdout, stderr } = await makeFifos(daemon);
  const exec = { id, execId: newId("exec") };
  const [output, errors] = [readFifo(stdout), readFifo(stderr)];
  // runc's shim wants both, or neither.
  const streams = { stdin: input && stdin, stdout, stderr };
  await client.call("Exec", { ...exec, ...streams, spec: processSpec(args) });
  await client.call("Start", exec);
  if (input) {
    const feed = feedFifo(stdin);
    await feed.write(input);
    await feed.closeStdin();
    await feed.result;
    await client.call("CloseIO", { ...exec, stdin: true });
  }
  const { exitStatus } = await client.call("Wait", exec);
  await client.call("Delete", exec);
  await errors.result;
  return { ...await output.result, code: exitStatus };
}

async function killExec(daemon: Daemon, container: string, id: string, signal: string) {
  await daemon.mustCtr(["task", "kill", "--signal", signal, "--exec-id", id, container]);
}
