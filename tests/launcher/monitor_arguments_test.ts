import assert from "node:assert/strict";
import { run, Running } from "../support/mod.ts";
import { folder, test } from "./monitor_support.ts";

/** Arguments, and what stderr must hold. */
const WRONG: [Record<string, string>, RegExp][] = [
  [{ pid: "" }, /-pid: missing/],
  [{ id: "" }, /-id: missing/],
  [{ dir: "relative" }, /-dir: not absolute: "relative"/],
  [{ pid: "0" }, /-pid: not a process: "0"/],
  [{ pid: "12x" }, /-pid: not a process: "12x"/],
  [{ pid: "99999999999" }, /-pid: not a process/],
  [{ status: "2" }, /-status: not a descriptor above 2: "2"/],
  [{ start: "-4" }, /-start: not another descriptor above 2: "-4"/],
  [{ start: "5", status: "5" }, /-start: not another descriptor above 2: "5"/],
];

for (const [change, message] of WRONG) {
  test(`refuses ${JSON.stringify(change)}`, async (launcher) => {
    const good = { id: "a", pid: "1", status: "5", start: "6", socket: "/s", dir: "/tmp" };
    const flags = Object.entries({ ...good, ...change }).map(([name, value]) =>
      `--${name}=${value}`
    );
    const { code, err } = await run([launcher, "monitor", ...flags]);
    assert.match(err, message);
    assert.match(err, /^denowasi-mon: [^\n]+\n$/);
    assert.equal(code, 2);
  });
}

test("does nothing to a process that is not its child", async (launcher) => {
  await using stranger = new Stranger();
  const flags = ["--id=a", "--status=5", "--start=6", "--socket=/s", `--dir=${folder.path}`];
  const argv = [launcher, "monitor", ...flags, `--pid=${stranger.pid}`];
  const { code, err } = await run(argv);
  assert.match(err, /^denowasi-mon: a: init: wait for process \d+: No child processes\n$/);
  assert.equal(code, 1);
  assert.match(await Deno.readTextFile(`/proc/${stranger.pid}/status`), /^State:\tS/m);
});

/** A process that waits. */
class Stranger implements AsyncDisposable {
  readonly #running = new Running(["cat"], { stdin: "open" });
  readonly pid = this.#running.pid;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.closeStdin();
    await this.#running.result;
  }
}
