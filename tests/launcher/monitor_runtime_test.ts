import assert from "node:assert/strict";
import { Running, waitFor } from "../support/mod.ts";
import { LAUNCHERS, leaves, runtime, test } from "./monitor_support.ts";
import { exists } from "./processes.ts";

async function readPid(path: string): Promise<number> {
  return Number(
    await waitFor(path, async () => {
      const text = await Deno.readTextFile(path).catch(() => "");
      return text.endsWith("\n") ? text : undefined;
    }),
  );
}

test("takes the process of a runtime, and reports its exit", async (launcher) => {
  await using pair = runtime(launcher, leaves("read line <$1/go; exit 42"), { fifos: ["go"] });
  await pair.accept();
  await pair.ready();
  await Deno.writeTextFile(`${pair.dir}/go`, "\n");
  await pair.exits(42);
});

test("reports the exit of a process that ended before its runtime did", async (launcher) => {
  const script = `(sh -c 'read line <$0/go; exit 9' "$3" & echo $! >"$1"); echo >"$3/go"
    until grep -q ") Z" /proc/$(cat "$1")/stat; do sleep 0.01; done`;
  await using pair = runtime(launcher, script, { fifos: ["go"] });
  await pair.accept();
  await pair.ready();
  await pair.exits(9);
});

test("runs the runtime in a group and with descriptors of its own", async (launcher) => {
  const script = `ls -l /proc/self/fd; cat /proc/self/status; pwd
    cut -d" " -f 1,5,6 /proc/$$/stat; exit 1`;
  await using pair = runtime(launcher, script, { files: { stdout: "facts" } });
  await pair.accept();
  assert.equal(await pair.line(), "refused 1");
  await pair.exits(1);
  const facts = await Deno.readTextFile(`${pair.dir}/facts`);
  const [input, output, error, folder, ...more] = facts.match(/(?<= -> ).*/g) ?? [];
  assert.deepEqual([input, output, error], ["/dev/null", `${pair.dir}/facts`, "/dev/null"]);
  assert.match(folder, /^\/proc\/\d+\/fd$/);
  assert.deepEqual(more, []);
  assert.match(facts, /^SigBlk:\t0{16}$/m);
  assert.match(facts, /^\/\n(\d+) \1 \d+\n$/m);
  assert(facts.endsWith(` ${pair.process.pid}\n`), "its session is the monitor's");
});

/** How a runtime may end without a process: its script, the line, the exit code. */
const BAD: [string, string, RegExp, number][] = [
  ["exits with 7", "exit 7", /^refused 7$/, 7],
  ["dies", "kill -TERM $$", /^refused 143$/, 143],
  ["writes no pid", "exit 0", /^failed 2 read \S+\/pid$/, 137],
  ["writes an empty pid file", ': >"$1"', /^failed 22 read \S+\/pid$/, 137],
  ["writes rubbish", 'echo rubbish >"$1"', /^failed 22 read \S+\/pid$/, 137],
  ["writes two pids", 'echo "1 2" >"$1"', /^failed 22 read \S+\/pid$/, 137],
  ["writes 0", 'echo 0 >"$1"', /^failed 22 read \S+\/pid$/, 137],
  ["writes -1", 'echo -1 >"$1"', /^failed 22 read \S+\/pid$/, 137],
  ["writes a long number", 'printf %0100d 1 >"$1"', /^failed 22 read \S+\/pid$/, 137],
  ["makes a FIFO of the pid file", 'mkfifo "$1"', /^failed 22 read \S+\/pid$/, 137],
  ["makes a link of the pid file", 'ln -s /proc/self/stat "$1"', /^failed 40 read \S+\/pid$/, 137],
  ["writes its own pid", 'echo $$ >"$1"', /^failed 10 wait for process \d+$/, 137],
  ["writes its parent's pid", 'echo $PPID >"$1"', /^failed 10 wait for process \d+$/, 137],
  ["writes 1", 'echo 1 >"$1"', /^failed 10 wait for process 1$/, 137],
];

for (const [how, script, line, code] of BAD) {
  test(`ends all that a runtime began that ${how}`, async (launcher) => {
    const begin = `sleep 100 & echo $! >"$3/own"; (setsid sleep 100 & echo $! >"$3/orphan")`;
    await using pair = runtime(launcher, `${begin}; ${script}`);
    await pair.accept();
    assert.match(await pair.line() ?? "", line);
    for (const name of ["own", "orphan"]) {
      assert.equal(exists(await readPid(`${pair.dir}/${name}`)), false);
    }
    await pair.exits(code);
  });
}

test("leaves the process of somebody else alone", async (launcher) => {
  const stranger = new Running(["cat"], { stdin: "open" });
  await using pair = runtime(launcher, `echo ${stranger.pid} >"$1"`);
  await pair.accept();
  assert.equal(await pair.line(), `failed 10 wait for process ${stranger.pid}`);
  await pair.exits(137);
  assert.match(await Deno.readTextFile(`/proc/${stranger.pid}/status`), /^State:\t[RS]/m);
  await stranger.closeStdin();
  assert.equal((await stranger.result).code, 0);
});

test("does not take the pid file of an earlier runtime", async (launcher) => {
  const dir = Deno.makeTempDirSync();
  try {
    await Deno.writeTextFile(`${dir}/pid`, "1\n");
    await using pair = runtime(launcher, "exit 0", { files: { "pid-file": `${dir}/pid` } });
    await pair.accept();
    assert.equal(await pair.line(), `failed 2 read ${dir}/pid`);
    await pair.exits(137);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

test("tells that a runtime cannot be executed", async (launcher) => {
  await using pair = runtime(launcher, "", { command: "/nowhere/crun" });
  await pair.accept();
  assert.equal(await pair.line(), "failed 2 exec /nowhere/crun");
  await pair.exits(137);
});

test("starts no runtime without a supervisor", async (launcher) => {
  await using pair = runtime(launcher, 'touch "$3/ran"', { listen: false });
  await pair.ends(137);
  assert.match((await pair.process.result).err, /connect \S+: No such file or directory\n/);
  await assert.rejects(Deno.stat(`${pair.dir}/ran`), Deno.errors.NotFound);
});

const HANGS = `sleep 100 & echo $! >"$3/own"; (setsid sleep 100 & echo $! >"$3/orphan")
  trap "" TERM; echo up >"$3/up"; wait`;

for (const how of ["killed", "lost"]) {
  test(`ends a runtime that hangs, when ${how}`, async (launcher) => {
    await using pair = runtime(launcher, HANGS);
    await pair.accept();
    await waitFor("the runtime", () => Deno.stat(`${pair.dir}/up`).then(() => true, () => false));
    const pids = await Promise.all(["own", "orphan"].map((name) => readPid(`${pair.dir}/${name}`)));
    if (how === "killed") {
      await pair.send("kill 15\nkill 9\nkill 9\n");
      assert.equal(await pair.line(), "refused 137");
      await pair.exits(137);
      assert.match(pair.process.err, /^denowasi-mon: web-1: signal 15: no process is ready\n$/);
    } else {
      pair.hangUp();
      await pair.ends(137);
    }
    for (const pid of pids) assert.equal(exists(pid), false);
  });
}

test("kills what a supervisor that is lost has not started", async (launcher) => {
  await using pair = runtime(launcher, leaves("exec sleep 100"));
  await pair.accept();
  await pair.ready();
  pair.hangUp();
  await pair.ends(137);
});

test("remembers a start that comes before the process", async (launcher) => {
  const script = `read line <"$3/go"; ${leaves("exit 3")}`;
  await using pair = runtime(launcher, script, { fifos: ["go"] });
  await pair.accept();
  await pair.send("start\n");
  pair.die();
  await Deno.writeTextFile(`${pair.dir}/go`, "\n");
  await pair.ends(3);
});

test("reaps what loses its parent, and reports the process alone", async (launcher) => {
  const script = `for code in 1 2 3; do (sh -c "exit $code" & sh -c "kill -9 \\$\\$" &); done
    (sleep 0.02 &); read line <$1/go; (sleep 0.02 &); exit 5`;
  await using pair = runtime(launcher, leaves(script), { fifos: ["go"] });
  await pair.accept();
  await pair.ready();
  const children = `/proc/${pair.process.pid}/task/${pair.process.pid}/children`;
  const pid = await pair.init();
  await waitFor("the orphans' end", async () => await Deno.readTextFile(children) === `${pid} `);
  await Deno.writeTextFile(`${pair.dir}/go`, "\n");
  await pair.exits(5);
});

test("leaves what outlives the process", async (launcher) => {
  const script = "(setsid sleep 100 & echo $! >$1/orphan); exit 6";
  await using pair = runtime(launcher, leaves(script));
  await pair.accept();
  await pair.ready();
  await pair.exits(6);
  const orphan = await readPid(`${pair.dir}/orphan`);
  assert.match(await Deno.readTextFile(`/proc/${orphan}/status`), /^State:\t[RS]/m);
  Deno.kill(orphan, "SIGKILL");
});

test("signals the process", async (launcher) => {
  await using pair = runtime(launcher, leaves("exec sleep 100"));
  await pair.accept();
  await pair.ready();
  await pair.send("start\nkill 15\n");
  await pair.exits(143);
});

test("says to the next supervisor who it is, and that it is ready", async (launcher) => {
  await using pair = runtime(launcher, leaves("read line <$1/go; exit 8"), { fifos: ["go"] });
  await pair.accept();
  await pair.ready();
  await pair.send("start\n");
  for (let round = 0; round < 3; round++) {
    if (round > 0) await pair.send("resi"); // the end of it shall not come from another
    pair.die();
    pair.listen();
    await pair.accept();
    await pair.ready();
  }
  await pair.send("ze\nkill 23\n");
  await Deno.writeTextFile(`${pair.dir}/go`, "\n");
  await pair.exits(8);
  assert.match(pair.process.err, /^denowasi-mon: web-1: unknown command: "ze"\n$/);
});

Deno.test("monitor takes fifty processes at once", async () => {
  await Promise.all(Array.from({ length: 50 }, async (_, code) => {
    const script = leaves(`read line <$1/go; exit ${code}`);
    await using pair = runtime(LAUNCHERS.static, script, { fifos: ["go"] });
    await pair.accept();
    await pair.ready();
    await Deno.writeTextFile(`${pair.dir}/go`, "\n");
    await pair.exits(code);
  }));
});
