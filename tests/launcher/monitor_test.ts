import assert from "node:assert/strict";
import { sleep, waitFor } from "../support/mod.ts";
import { forked, LAUNCHERS, test } from "./monitor_support.ts";

test("reports ready, starts init when told, and reports its exit", async (launcher) => {
  await using pair = forked(launcher, ["ready", "wait", "exit:42"]);
  await pair.accept();
  await pair.ready();
  await pair.send("start\n");
  await pair.exits(42);
});

/** How init may end before it is started: its steps, the lines in between, its code. */
const EARLY: [string, string[], string[], number][] = [
  ["exits at once", ["exit:7"], [], 7],
  ["dies at once", ["signal:11"], [], 139],
  ["closes its report and stays", ["close", "pause"], [], 137],
  ["reports nonsense and stays", ["text:hello", "close", "pause"], [], 137],
  ["reports half a failure", ["text:F\x01\x02", "close", "pause"], [], 137],
  ["fails", ["fail:13:mount /proc"], ["failed 13 mount /proc"], 1],
  ["fails with a text of two lines", ["fail:2:a\nb"], ["failed 2 a b"], 1],
  ["fails without a text", ["fail:300:"], ["failed 300 "], 1],
  ["fails with a long text", [`fail:1:${"x".repeat(5000)}`], [`failed 1 ${"x".repeat(512)}`], 1],
  ["fails and does not end", ["text:F\x05\x01\x01\x01mount", "close", "pause"], [
    `failed ${0x01010105} mount`,
  ], 137],
];

for (const [how, steps, lines, code] of EARLY) {
  test(`tells that init ${how}`, async (launcher) => {
    await using pair = forked(launcher, steps);
    await pair.accept();
    for (const line of lines) {
      assert.equal(await pair.line(), line);
      // "init is dead" and reaped when this arrives.
      await assert.rejects(Deno.stat(`/proc/${await pair.init()}`), Deno.errors.NotFound);
    }
    await pair.exits(code);
  });
}

test("tells ready before the exit of an init that died while ready", async (launcher) => {
  await using pair = forked(launcher, ["ready", "exit:3"]);
  await pair.accept();
  await pair.ready();
  await pair.exits(3);
});

test("signals init, started or not", async (launcher) => {
  for (const number of [15, 9, 34, 64]) {
    await using pair = forked(launcher, ["ready", "wait", "pause"]);
    await pair.accept();
    await pair.ready();
    if (number !== 9) await pair.send("start\n");
    await pair.send(`kill ${number}\n`);
    await pair.exits(128 + number);
  }
});

test("reads commands in pieces, and several at once", async (launcher) => {
  await using pair = forked(launcher, ["ignore:10", "ready", "wait", "pause"]);
  await pair.accept();
  await pair.ready();
  for (const letter of "sta") {
    await pair.send(letter);
    await sleep(5);
  }
  await pair.send("rt\nkill 10\nkill 10\nkill 1");
  await sleep(20);
  assert.match(await Deno.readTextFile(`/proc/${await pair.init()}/status`), /^State:\tS/m);
  await pair.send("5\nkill 15\n");
  await pair.exits(143);
});

/** Commands that are none. */
const WRONG = [
  ...["", "START", "start now", "kill", "kill x", "kill 0", "kill 65", "kill -1", "kill 9x"],
  ...["resize", "resize 80", "resize 80 0", "resize 0 24", "resize 65536 24", "resize 80 65536"],
  ...["resize 80x24", "resize 80  24", "resize 80 24 1", "resize -1 24", "resize 000000080 24"],
  ...["close-stdin 1", "close", "watch-memory", "watch-memory ", "watch-memory relative"],
];

test("starts once, and passes over commands it does not know", async (launcher) => {
  await using pair = forked(launcher, ["ready", "wait", "sleep:50", "exit:5"]);
  await pair.accept();
  await pair.ready();
  await pair.send(`start\nstart\n${WRONG.map((command) => command + "\n").join("")}`);
  await pair.exits(5);
  const { err } = await pair.process.result;
  const lines = err.trim().split("\n");
  assert.equal(lines.length, WRONG.length, err);
  assert(lines.every((line) => line.startsWith('denowasi-mon: web-1: unknown command: "')), err);
});

test("starts an init that was told to before it was ready", async (launcher) => {
  await using pair = forked(launcher, ["sleep:50", "ready", "wait", "exit:6"]);
  await pair.accept();
  await pair.send("start\n");
  await pair.ready();
  await pair.exits(6);
});

test("takes a start whose supervisor dies right after it", async (launcher) => {
  await using pair = forked(launcher, ["ready", "wait", "sleep:50", "exit:8"]);
  await pair.accept();
  await pair.ready();
  await pair.send("start\n");
  pair.hangUp();
  await pair.ends(8);
});

test("kills an init that was not started when the supervisor is lost", async (launcher) => {
  for (const steps of [["ready", "wait", "exit:0"], ["pause"]]) {
    await using pair = forked(launcher, steps);
    await pair.accept();
    if (steps[0] === "ready") await pair.ready();
    pair.hangUp();
    await pair.ends(137);
  }
});

test("kills init when there is no supervisor", async (launcher) => {
  await using pair = forked(launcher, ["ready", "wait", "exit:0"], { listen: false });
  await pair.ends(137);
  assert.match((await pair.process.result).err, /web-1: connect \S+: No such file or directory\n/);
});

test("hangs up on a command that does not end", async (launcher) => {
  await using pair = forked(launcher, ["ready", "wait", "exit:0"]);
  await pair.accept();
  await pair.ready();
  await pair.send(`watch-memory /${"x".repeat(4500)}`);
  await pair.ends(137);
});

test("does not mind commands after the exit", async (launcher) => {
  for (let round = 0; round < 20; round++) {
    await using pair = forked(launcher, ["ready", "wait", "exit:4"]);
    await pair.accept();
    await pair.ready();
    await pair.send("start\n");
    // Some of these arrive before init's end, some after it, some after the monitor's.
    const pest = (async () => {
      for (let i = 0; i < 50; i++) await pair.send("kill 23\n").catch(() => {});
    })();
    await pair.exits(4);
    await pest;
  }
});

test("says so when the container's folder is gone, and tells the exit", async (launcher) => {
  await using pair = forked(launcher, ["ready", "wait", "exit:1"]);
  await pair.accept();
  await pair.ready();
  await Deno.remove(pair.dir, { recursive: true });
  await pair.send("start\n");
  assert.match(await pair.line() ?? "", /^exit 1 \d+ \d+$/);
  const { err } = await pair.process.result;
  assert.match(err, /^denowasi-mon: web-1: open \S+: No such file or directory\n$/);
});

test("keeps nothing of the process it came from", async (launcher) => {
  await using pair = forked(launcher, ["ready", "wait", "exit:0"]);
  await pair.accept();
  await pair.ready();
  const proc = `/proc/${pair.process.pid}`;
  const open = [...Deno.readDirSync(`${proc}/fd`)].map(({ name }) =>
    Deno.readLinkSync(`${proc}/fd/${name}`).replace(/:\[\d+\]$/, "")
  );
  // stdin, stdout, stderr, start, pidfd, SIGCHLD's, control, in whatever order.
  const anonymous = ["anon_inode:[pidfd]", "anon_inode:[signalfd]"];
  const expected = ["/dev/null", "/dev/null", ...anonymous, "pipe", "pipe", "socket"];
  assert.deepEqual(open.sort(), expected);
  assert.equal(await Deno.readTextFile(`${proc}/comm`), "denowasi-mon\n");
  assert.equal(await Deno.readLink(`${proc}/cwd`), "/");
  const status = await Deno.readTextFile(`${proc}/status`);
  // SIGCHLD, which comes by a descriptor.
  assert.match(status, /^SigBlk:\t0{11}10000$/m);
  // SIGPIPE; and glibc's own 32 and 33, which it sets in what posix_spawn(3) starts.
  const ignored = BigInt("0x" + /^SigIgn:\t(\w+)$/m.exec(status)?.[1]);
  assert.equal(ignored & ~(3n << 31n), 1n << 12n);
  await pair.send("start\n");
  await pair.exits(0);
});

Deno.test("monitor takes little memory", async () => {
  await using pair = forked(LAUNCHERS.static, ["ready", "wait", "exit:0"]);
  await pair.accept();
  await pair.ready();
  const rollup = await Deno.readTextFile(`/proc/${pair.process.pid}/smaps_rollup`);
  const read = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1]);
  // Its own; the file's pages are shared by all monitors.
  assert(read("Anonymous") < 80, rollup);
  assert(read("Pss") < 1000, rollup);
  await pair.send("start\n");
  await pair.exits(0);
});

Deno.test("monitor ends with init's pid free when it is killed itself", async () => {
  await using pair = forked(LAUNCHERS.static, ["ready", "wait", "pause"]);
  await pair.accept();
  await pair.ready();
  pair.process.kill();
  await pair.process.result;
  assert.equal(await pair.line(), null);
  const init = await pair.init();
  await waitFor("init's end", () => Deno.stat(`/proc/${init}`).then(() => false, () => true));
  await assert.rejects(Deno.stat(`${pair.dir}/exit`), Deno.errors.NotFound);
});
