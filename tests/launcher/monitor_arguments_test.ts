import assert from "node:assert/strict";
import { run, Running } from "../support/mod.ts";
import { folder, test } from "./monitor_support.ts";

const BOTH = { key: "a", socket: "/s", dir: "/tmp" };
const FORKED = { ...BOTH, pid: "1", status: "5", start: "6" };
const RUNTIME = { ...BOTH, "pid-file": "/p" };
const TERMINAL = { ...RUNTIME, terminal: "1", console: "/c" };

/** Good arguments, what is changed of them, and what stderr must hold. */
const WRONG: [Record<string, string>, Record<string, string>, RegExp][] = [
  [FORKED, { pid: "" }, /-pid: missing/],
  [FORKED, { status: "" }, /-status: missing/],
  [FORKED, { start: "" }, /-start: missing/],
  [FORKED, { key: "" }, /-key: missing/],
  [FORKED, { socket: "" }, /-socket: missing/],
  [FORKED, { dir: "" }, /-dir: missing/],
  [FORKED, { dir: "relative" }, /-dir: not absolute: "relative"/],
  [FORKED, { socket: "s" }, /-socket: not absolute: "s"/],
  [FORKED, { stdin: "i" }, /-stdin: not absolute: "i"/],
  [FORKED, { stdout: "o" }, /-stdout: not absolute: "o"/],
  [FORKED, { stderr: "e" }, /-stderr: not absolute: "e"/],
  [FORKED, { pid: "0" }, /-pid: not a process: "0"/],
  [FORKED, { pid: "12x" }, /-pid: not a process: "12x"/],
  [FORKED, { pid: "99999999999" }, /-pid: not a process/],
  [FORKED, { status: "2" }, /-status: not a descriptor above 2: "2"/],
  [FORKED, { start: "-4" }, /-start: not another descriptor above 2: "-4"/],
  [FORKED, { start: "5", status: "5" }, /-start: not another descriptor above 2: "5"/],
  [FORKED, { terminal: "2" }, /-terminal: not 0 or 1: "2"/],
  [FORKED, { console: "/c" }, /-console: not without -pid-file: "\/c"/],
  [FORKED, { id: "a" }, /--id=a: not a flag/],
  [FORKED, { "": "/bin/true" }, /argument after the flags: "\/bin\/true"/],
  [RUNTIME, {}, /COMMAND: missing after the flags/],
  [RUNTIME, { "": "true" }, /COMMAND: not absolute: "true"/],
  [RUNTIME, { "": "/bin/true", "pid-file": "p" }, /-pid-file: not absolute: "p"/],
  [RUNTIME, { "": "/bin/true", pid: "7" }, /-pid: not with -pid-file: "7"/],
  [RUNTIME, { "": "/bin/true", status: "7" }, /-status: not with -pid-file: "7"/],
  [RUNTIME, { "": "/bin/true", start: "7" }, /-start: not with -pid-file: "7"/],
  [RUNTIME, { "": "/bin/true", console: "/c" }, /-console: not without -terminal 1: "\/c"/],
  [TERMINAL, { "": "/bin/true", console: "" }, /-terminal: not without -console: "1"/],
  [TERMINAL, { "": "/bin/true", console: "c" }, /-console: not absolute: "c"/],
];

for (const [good, change, message] of WRONG) {
  test(`refuses ${JSON.stringify(change)} of ${Object.keys(good)}`, async (launcher) => {
    const { "": command, ...given }: Record<string, string> = { ...good, ...change };
    const flags = Object.entries(given).map(([name, value]) => `--${name}=${value}`);
    const { code, err } = await run([
      launcher,
      "monitor",
      ...flags,
      "--",
      ...command ? [command] : [],
    ]);
    assert.match(err, message);
    assert.match(err, /^denowasi-mon: [^\n]+\n$/);
    assert.equal(code, 2);
  });
}

test("does nothing to a process that is not its child", async (launcher) => {
  await using stranger = new Stranger();
  const flags = ["--key=a", "--status=5", "--start=6", "--socket=/s", `--dir=${folder.path}`];
  const argv = [launcher, "monitor", ...flags, `--pid=${stranger.pid}`];
  const { code, err } = await run(argv);
  assert.match(err, /^denowasi-mon: a: wait for process \d+: No child processes\n$/);
  assert.equal(code, 1);
  assert.match(await Deno.readTextFile(`/proc/${stranger.pid}/status`), /^State:\t[RS]/m);
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
