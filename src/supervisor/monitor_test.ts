import assert from "node:assert/strict";
import { Monitor, parseExit, RuntimeRefusal, unseenExit } from "./monitor.ts";
import { Pair, stateOf } from "./testing/pair.ts";

/** A monitor whose peer has said `lines`, then hung up unless `open`. */
async function monitor(lines: string[], open = false): Promise<Monitor & Disposable> {
  const pair = await Pair.connect();
  await pair.far.write(lines.map((line) => `${line}\n`).join(""));
  if (!open) pair.far[Symbol.dispose]();
  return Object.assign(new Monitor(pair.near), { [Symbol.dispose]: () => pair[Symbol.dispose]() });
}

Deno.test.each([
  ["0 1700000000 5", { code: 0, at: { seconds: 1700000000, nanos: 5 } }],
  ["137 1 999999999\n", { code: 137, at: { seconds: 1, nanos: 999999999 } }],
  ["", null],
  ["0 1", null],
  ["0 1 2 3", null],
  ["-1 1 2", null],
  ["1000 1 2", null],
  ["1 1 1000000000", null],
  ["1 1 2\n\n", null],
  ["a 1 2", null],
])("parseExit(%j)", (text, expected) => {
  assert.deepEqual(parseExit(text), expected);
});

Deno.test("unseenExit() is now", () => {
  const before = Date.now();
  const { code, at } = unseenExit(137);
  const ms = at.seconds * 1000 + at.nanos / 1e6;
  assert.equal(code, 137);
  assert.ok(ms >= before && ms <= Date.now() && Number.isInteger(at.seconds), `${ms}`);
});

Deno.test("Monitor is ready, then exits", async () => {
  using subject = await monitor(["ready 7", "exit 3 10 20"]);
  assert.equal(await subject.ready, 7);
  assert.deepEqual(await subject.exited, { code: 3, at: { seconds: 10, nanos: 20 } });
});

Deno.test("Monitor that is ready has not exited", async () => {
  using subject = await monitor(["ready 7"], true);
  assert.equal(await subject.ready, 7);
  assert.equal(await stateOf(subject.exited), "pending");
});

Deno.test("Monitor that says nothing is neither ready nor exited", async () => {
  using subject = await monitor([], true);
  assert.equal(await stateOf(subject.ready), "pending");
  assert.equal(await stateOf(subject.exited), "pending");
});

Deno.test("Monitor that failed says the step and errno", async () => {
  using subject = await monitor(["failed 2 mount /etc/a b", "exit 1 10 20"]);
  await assert.rejects(subject.ready, {
    kind: "Internal",
    message: "set up the sandbox: mount /etc/a b: ENOENT: no such file or directory",
  });
  assert.equal((await subject.exited)?.code, 1);
});

Deno.test("Monitor that failed and goes has no exit", async () => {
  using subject = await monitor(["failed 22 seccomp"]);
  await assert.rejects(subject.ready, {
    message: "set up the sandbox: seccomp: EINVAL: invalid argument",
  });
  assert.equal(await subject.exited, null);
});

Deno.test.each([["refused 1", 1], ["refused 137", 137], ["refused 0", 0]])(
  "Monitor that says %j tells how its command ended",
  async (line, code) => {
    using subject = await monitor([line, "exit 1 10 20"]);
    await assert.rejects(subject.ready, (error) => {
      assert.ok(error instanceof RuntimeRefusal);
      assert.equal(error.code, code);
      return true;
    });
    assert.equal((await subject.exited)?.code, 1);
  },
);

Deno.test("Monitor whose process exits before it is ready says how", async () => {
  using subject = await monitor(["exit 139 10 20"]);
  await assert.rejects(subject.ready, {
    kind: "Internal",
    message: "set up the process: it ended: exit 139 10 20",
  });
  assert.equal((await subject.exited)?.code, 139);
});

Deno.test("Monitor that goes without a word is unavailable", async () => {
  for (const lines of [[], ["nonsense", ""]]) {
    using subject = await monitor(lines);
    await assert.rejects(subject.ready, {
      kind: "Unavailable",
      message: "set up the process: its monitor has ended",
    });
    assert.equal(await subject.exited, null);
  }
});

Deno.test("Monitor that goes after ready stays ready", async () => {
  using subject = await monitor(["ready 7"]);
  assert.equal(await subject.exited, null);
  assert.equal(await subject.ready, 7);
});

Deno.test("Monitor takes an exit that is no exit for none", async () => {
  using subject = await monitor(["ready 7", "exit soon"]);
  assert.equal(await subject.exited, null);
});

Deno.test("Monitor tells of each process that was killed for want of memory, before the exit", async () => {
  using pair = await Pair.connect();
  const subject = new Monitor(pair.near);
  const told: string[] = [];
  subject.onOutOfMemory = () => void told.push("oom");
  await pair.far.write("ready 7\noom\noom\nexit 137 10 20\n");
  await subject.exited;
  assert.deepEqual(told, ["oom", "oom"]);
});

Deno.test("Monitor is told what to do", async () => {
  using pair = await Pair.connect();
  const subject = new Monitor(pair.near);
  await subject.start();
  await subject.kill(15);
  await subject.resize(80, 24);
  await subject.closeStdin();
  await subject.watchMemory("/sys/fs/cgroup/a b");
  const told = [
    "start",
    "kill 15",
    "resize 80 24",
    "close-stdin",
    "watch-memory /sys/fs/cgroup/a b",
  ];
  for (const line of told) assert.equal(await pair.far.read(), line);
});

Deno.test("Monitor that has gone is told without failure", async () => {
  using subject = await monitor(["ready 7", "exit 0 1 2"]);
  await subject.exited;
  await subject.start();
  await subject.kill(9);
  await subject.resize(80, 24);
  await subject.closeStdin();
  await subject.watchMemory("/c");
});

Deno.test("Monitor closes its connection after the exit", async () => {
  using pair = await Pair.connect();
  const subject = new Monitor(pair.near);
  await pair.far.write("exit 0 1 2\n");
  await subject.exited;
  assert.equal(await pair.far.read(), null);
});
