import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import { folder, leaves, type Pair, runtime, test } from "./monitor_support.ts";

const MEMORY = "/sys/fs/cgroup/memory";
const LIMIT = 16 << 20;

/** A cgroup (version 1) of its own, with a limit. */
class Cgroup implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ dir: MEMORY, prefix: "denowasi-monitor-" });

  constructor() {
    Deno.writeTextFileSync(`${this.path}/memory.limit_in_bytes`, String(LIMIT));
    Deno.writeTextFileSync(`${this.path}/memory.swappiness`, "0");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await waitFor(
      "the cgroup to be empty",
      () =>
        Deno.remove(this.path).then(() => true, (error) => {
          if (error?.code !== "EBUSY") throw error;
          return false;
        }),
    );
  }
}

/** Reads as much as it may have, and more. */
const EAT = "head -c 64m /dev/zero | tail -c 64m >/dev/null";

async function go(pair: Pair): Promise<void> {
  await Deno.writeTextFile(`${pair.dir}/go`, "\n");
}

test("tells of a process that the kernel killed for want of memory", async (launcher) => {
  await using cgroup = new Cgroup();
  const script = `echo $$ >${cgroup.path}/cgroup.procs
    for i in 1 2; do read line <$1/go; ${EAT}; done; read line <$1/go; exit 3`;
  await using pair = runtime(launcher, leaves(script), { fifos: ["go"] });
  await pair.accept();
  await pair.ready();
  await pair.send(`watch-memory ${cgroup.path}\n`);
  for (let round = 0; round < 2; round++) {
    await go(pair);
    assert.equal(await pair.line(), "oom");
  }
  await go(pair);
  await pair.exits(3);
  assert.equal(pair.process.err, "");
});

test("tells of it before the exit when it was the process itself", async (launcher) => {
  await using cgroup = new Cgroup();
  const script = `echo $$ >${cgroup.path}/cgroup.procs; read line <$1/go
    exec tail /dev/zero`;
  await using pair = runtime(launcher, leaves(script), { fifos: ["go"] });
  await pair.accept();
  await pair.ready();
  await pair.send(`watch-memory ${cgroup.path}\n`);
  await go(pair);
  assert.equal(await pair.line(), "oom");
  await pair.exits(137);
});

test("tells the next supervisor of a kill that the last did not live to see", async (launcher) => {
  await using cgroup = new Cgroup();
  const script = `echo $$ >${cgroup.path}/cgroup.procs; read line <$1/go; ${EAT}
    echo >$1/eaten; read line <$1/go; exit 3`;
  await using pair = runtime(launcher, leaves(script), { fifos: ["go"] });
  await pair.accept();
  await pair.ready();
  await pair.send(`start\nwatch-memory ${cgroup.path}\nclose\n`);
  await waitFor("the commands", () => pair.process.err.includes('"close"'));
  pair.die();
  await go(pair);
  await waitFor("the kill", () => Deno.stat(`${pair.dir}/eaten`).then(() => true, () => false));
  pair.listen();
  await pair.accept();
  await pair.ready();
  assert.equal(await pair.line(), "oom");
  await go(pair);
  await pair.exits(3);
});

/** Makes what version 2 has of a cgroup, and no kernel behind it. */
function versionTwo(kills: number): { path: string; count: (kills: number) => Promise<void> } {
  const path = Deno.makeTempDirSync({ dir: folder.path });
  const file = `${path}/memory.events`;
  const text = (count: number) =>
    `low 0\nhigh 7\nmax 9\noom 9\noom_kill ${count}\noom_group_kill 77\n`;
  Deno.writeTextFileSync(file, text(kills));
  // Written in place and at once, as the kernel does.
  return { path, count: (kills) => Deno.writeTextFile(file, text(kills), { append: false }) };
}

test("reads the events of a cgroup of version 2", async (launcher) => {
  const { path, count } = versionTwo(4);
  const script = leaves("read line <$1/go; exit 3");
  await using pair = runtime(launcher, script, { fifos: ["go"] });
  await pair.accept();
  await pair.ready();
  await pair.send(`watch-memory ${path}\nclose\n`);
  await waitFor("the commands", () => pair.process.err.includes('"close"'));
  await count(4);
  await count(5);
  assert.equal(await pair.line(), "oom");
  await count(5);
  await count(8);
  assert.equal(await pair.line(), "oom");
  // What is removed with its cgroup is no kill.
  await Deno.remove(path, { recursive: true });
  await go(pair);
  await pair.exits(3);
});

test("goes on without a cgroup that is not there", async (launcher) => {
  const script = leaves("read line <$1/go; exit 3");
  await using pair = runtime(launcher, script, { fifos: ["go"] });
  const long = `/${"x".repeat(4094)}`;
  await pair.accept();
  await pair.ready();
  await pair.send(`watch-memory /nowhere\nwatch-memory /dev/null\nwatch-memory /tmp\n`);
  await pair.send(`watch-memory ${long}\n`);
  await go(pair);
  await pair.exits(3);
  const lines = pair.process.err.trim().split("\n");
  assert.deepEqual(lines.slice(0, 3), [
    "denowasi-mon: web-1: watch-memory /nowhere: No such file or directory",
    "denowasi-mon: web-1: watch-memory /dev/null: Not a directory",
    "denowasi-mon: web-1: watch-memory /tmp: No such file or directory",
  ]);
  assert.match(lines[3], /^denowasi-mon: web-1: watch-memory \/xxx/);
});
