/** What every user of every containerd sees: output, exit codes, signals, events, refusals. */

import assert from "node:assert/strict";
import { assertCensus, type Daemon, waitFor } from "../support/mod.ts";
import {
  detachWasm,
  newId,
  runWasm,
  spawnWasm,
  startDaemon,
  taskStatus,
  VERSIONS,
} from "../support/wasm.ts";

const DEMO = "/wasi-demo-app.wasm";

for (const version of VERSIONS) {
  Deno.test(`containerd ${version}: one container`, async (t) => {
    await using daemon = await startDaemon({ version });
    const before = daemon.census();
    for (const [name, body] of Object.entries(STEPS)) await t.step(name, () => body(daemon));
    await t.step("nothing is left", () => assertCensus(daemon, before));
  });
}

const STEPS: Record<string, (daemon: Daemon) => Promise<void>> = {
  "demo echo": async (daemon) => {
    const { code, out, err } = await runWasm(daemon, [DEMO, "echo", "hello", "world"]);
    assert.deepEqual([code, out, err], [0, "hello world\n", "exiting\n"]);
  },

  "demo exit": async (daemon) => {
    const { code, out, err } = await runWasm(daemon, [DEMO, "exit", "42"]);
    assert.deepEqual([code, out, err], [42, "", ""]);
  },

  "demo sleep": async (daemon) => {
    const { code, ms } = await runWasm(daemon, [DEMO, "sleep", "0.7"]);
    assert.equal(code, 0);
    assert.ok(ms >= 700, `${ms}`);
  },

  "demo write, to a folder of the host": async (daemon) => {
    const volume = `${daemon.base}/${newId("volume")}`;
    await Deno.mkdir(volume);
    const flags = ["--mount", `type=bind,src=${volume},dst=/volume,options=rbind:rw`];
    const { code, err } = await runWasm(daemon, [DEMO, "write", "/volume/f", "a", "b"], { flags });
    assert.deepEqual([code, err], [0, "exiting\n"]);
    assert.equal(await Deno.readTextFile(`${volume}/f`), "a b");
  },

  "demo with an unknown command": async (daemon) => {
    const { code, err } = await runWasm(daemon, [DEMO, "dance"]);
    assert.deepEqual([code, err], [1, "unknown command: dance\n"]);
  },

  "demo daemon ends at TERM, within a second": (daemon) => killDaemon(daemon, "TERM", 143),
  "demo daemon ends at KILL": (daemon) => killDaemon(daemon, "KILL", 137),
  "demo daemon ends at INT": (daemon) => killDaemon(daemon, "INT", 130),

  "a module that never calls the host ends at TERM": async (daemon) => {
    const id = await detachWasm(daemon, ["/loop.wasm"]);
    await daemon.mustCtr(["task", "kill", "--signal", "TERM", id]);
    await waitFor("its end", async () => (await taskStatus(daemon, id))?.status === "STOPPED");
    assert.match((await daemon.mustCtr(["task", "delete", id])).err, /exit code 143/);
    await daemon.mustCtr(["container", "delete", id]);
  },

  "hello and its other export": async (daemon) => {
    const hello = await runWasm(daemon, ["/hello.wasm"]);
    assert.deepEqual([hello.code, hello.out], [0, "hello world\n"]);
    const foo = await runWasm(daemon, ["/hello.wasm#foo"]);
    assert.deepEqual([foo.code, foo.out], [0, "hello from foo\n"]);
  },

  "unreachable is reported with the stack": async (daemon) => {
    const { code, err } = await runWasm(daemon, ["/unreachable.wasm"]);
    assert.equal(code, 134);
    assert.match(err, /unreachable/);
    assert.match(err, /inner[^]*outer/);
  },

  "a stack overflow is a trap": async (daemon) => {
    const { code, err } = await runWasm(daemon, ["/recurse.wasm"]);
    assert.equal(code, 134);
    assert.match(err, /call stack/i);
    assert.match(err, /deeper/);
  },

  "args arrive verbatim": async (daemon) => {
    const args = ["", "two words", "--flag=x,y", "a\tb", "é漢🦀", "q\"'\\$HOME*", "a,b", "-v", ""];
    const { code, out } = await runWasm(daemon, ["/args.wasm", ...args]);
    assert.equal(code, 0);
    const seen = lines(out, "arg: ");
    assert.deepEqual(seen, ["/args.wasm", ...args]);
  },

  "env arrives, and nothing of the shim's": async (daemon) => {
    const variables = ["EMPTY=", "EQUALS=a=b=c", "SPACES= a  b", "TEXT=é漢🦀", "9=digit first"];
    const flags = variables.flatMap((variable) => ["--env", variable]);
    const { out } = await runWasm(daemon, ["/args.wasm"], { flags });
    const [path, ...seen] = lines(out, "env: ");
    assert.match(path, /^PATH=/); // containerd's own default
    assert.deepEqual(seen, variables);
  },

  "/proc/self/environ shows nothing of the shim's": async (daemon) => {
    const { out, err } = await runWasm(daemon, ["/files.wasm", "read", "/proc/self/environ"]);
    assert.doesNotMatch(out, /TTRPC|GRPC|CONTAINERD|NAMESPACE|GOMAXPROCS|HOME=/, err);
  },

  "a relative entry point is looked up from the working directory": async (daemon) => {
    const { code, out } = await runWasm(daemon, ["./../hello.wasm"], { flags: ["--cwd", "/bin"] });
    assert.deepEqual([code, out], [0, "hello world\n"]);
  },

  "events, in order": async (daemon) => {
    await using events = await daemon.events();
    const id = newId("events");
    await runWasm(daemon, [DEMO, "exit", "7"], { id });
    await events.waitFor("/tasks/delete", id);
    const topics = events.topics(id).filter((topic) => topic.startsWith("/tasks/"));
    assert.deepEqual(topics, ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]);
    const { fields } = await events.waitFor("/tasks/exit", id);
    assert.equal(fields.exit_status, 7);
    assert.equal(fields.id, id);
  },

  "16 at once": async (daemon) => {
    const numbers = Array.from({ length: 16 }, (_, index) => String(index));
    const results = await Promise.all(
      numbers.map((text) => runWasm(daemon, [DEMO, "echo", text], { timeoutMs: 60_000 })),
    );
    for (const [index, { code, out, err }] of results.entries()) {
      assert.deepEqual([code, out, err], [0, `${index}\n`, "exiting\n"]);
    }
  },

  "what cannot run is refused": async (daemon) => {
    await using events = await daemon.events();
    for (const [args, expected] of REFUSED) {
      const id = newId();
      const { code, out, err } = await runWasm(daemon, args, { id });
      assert.notEqual(code, 0, args[0]);
      assert.equal(out, "", args[0]);
      for (const pattern of expected) assert.match(err, pattern, `${args[0]}: ${err}`);
      // Refused by Create: nothing was ever there to be started.
      assert.deepEqual(events.topics(id).filter((topic) => topic.startsWith("/tasks/")), []);
    }
  },
};

/** Entry points that are no modules to run, with what must be said about them. Kinds are in task_service_test.ts. */
const REFUSED: [args: string[], said: RegExp[]][] = [
  [["/hello.wasm#missing"], [/export missing of \/hello\.wasm/]],
  [["/no_start.wasm"], [/export _start of \/no_start\.wasm/]],
  [["/invalid.wasm"], [/\/invalid\.wasm/, /section code/, /@\+10/]],
  [["/truncated.wasm"], [/\/truncated\.wasm/, /@\+\d+/]],
  [["/unknown_import.wasm"], [/no_such_module\.no_such_function/]],
  [["/component.wasm"], [/export wasi:cli\/run of \/component\.wasm/]],
  [["/not-wasm.wasm"], [/\/not-wasm\.wasm/, /not a WebAssembly module/]],
  [["/nowhere.wasm"], [/\/nowhere\.wasm/]],
  [["nowhere.wasm"], [/\/bin\/nowhere\.wasm/, /, \/nowhere\.wasm/]],
];

async function killDaemon(daemon: Daemon, signal: string, code: number) {
  const id = newId();
  const ctr = spawnWasm(daemon, [DEMO, "daemon"], { id });
  await ctr.waitForOutput("never ends.\n");
  const killedAtMs = performance.now();
  await daemon.mustCtr(["task", "kill", "--signal", signal, id]);
  assert.equal((await ctr.result).code, code);
  const ms = performance.now() - killedAtMs;
  assert.ok(ms < 1000, `ended after ${ms} ms`);
}

/** What follows `prefix` in each line of `out` that begins with it. */
function lines(out: string, prefix: string): string[] {
  return out.split("\n").filter((line) => line.startsWith(prefix)).map((line) =>
    line.slice(prefix.length)
  );
}
