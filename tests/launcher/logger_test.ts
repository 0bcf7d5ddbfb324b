import assert from "node:assert/strict";
import { run, Running, waitFor } from "../support/mod.ts";
import { folder, LAUNCHERS } from "./monitor_support.ts";
import { descriptors, makeFifo, reader } from "./processes.ts";

function test(name: string, body: (launcher: string, dir: string) => Promise<void>): void {
  for (const [kind, launcher] of Object.entries(LAUNCHERS)) {
    Deno.test(`logger ${name} (${kind})`, async () => {
      const dir = Deno.makeTempDirSync({ dir: folder.path });
      for (const name of ["out", "err", "ready"]) makeFifo(`${dir}/${name}`);
      await body(launcher, dir);
    });
  }
}

function flags(dir: string): string[] {
  return ["out", "err", "ready"].flatMap((
    name,
    i,
  ) => [["--stdout", "--stderr", "--ready"][i], `${dir}/${name}`]);
}

/** A logger that is a shell; $1 is the folder. */
function argv(launcher: string, dir: string, script: string): string[] {
  return [launcher, "logger", ...flags(dir), "--", "/bin/sh", "-c", script, "logger", dir];
}

/** Holds the streams as the supervisor does. */
function hold(dir: string): Disposable {
  const files = ["out", "err"].map((name) =>
    Deno.openSync(`${dir}/${name}`, { read: true, write: true })
  );
  return { [Symbol.dispose]: () => files.forEach((file) => file.close()) };
}

test("says when it is ready, and reads both streams to their end", async (launcher, dir) => {
  const ready = reader(`${dir}/ready`);
  const script = `exec 5>&-; cat <&3 >"$1/1"; cat <&4 >"$1/2"; exit 7`;
  let logger: Running;
  {
    using _held = hold(dir);
    logger = new Running(argv(launcher, dir, script));
    assert.equal((await ready.result).out, "");
    const writers = ["out", "err"].map((name) => Deno.writeTextFile(`${dir}/${name}`, `${name}\n`));
    await Promise.all(writers);
    // Nobody else writes any more, and still it is not the end.
    await waitFor(
      "stdout",
      () => Deno.readTextFile(`${dir}/1`).then((text) => text === "out\n", () => false),
    );
    assert.equal(await Promise.race([logger.result, Promise.resolve("runs")]), "runs");
  }
  assert.equal((await logger.result).code, 7);
  assert.equal(await Deno.readTextFile(`${dir}/2`), "err\n");
});

test("waits for who wants to know that it is ready", async (launcher, dir) => {
  using _held = hold(dir);
  const logger = new Running(argv(launcher, dir, 'touch "$1/ran"; echo ready >&5'));
  await waitFor("the streams to be open", () => {
    const found = descriptors(logger.pid);
    return found.get(3) === `${dir}/out` && found.get(4) === `${dir}/err`;
  });
  await assert.rejects(Deno.stat(`${dir}/ran`), Deno.errors.NotFound);
  const ready = reader(`${dir}/ready`);
  assert.equal((await logger.result).code, 0);
  assert.equal((await ready.result).out, "ready\n");
});

test("starts with its streams and nothing else", async (launcher, dir) => {
  using _held = hold(dir);
  const ready = reader(`${dir}/ready`);
  const script = `for fd in 3 4 5; do sed -n "s/^flags:.0*/$fd /p" /proc/$$/fdinfo/$fd; done >&2
    cat /proc/self/status >&2; echo "$NAME" >&2; exec ls -l /proc/self/fd >&2`;
  const inherit = ["sh", "-c", 'exec "$0" "$@" 7</dev/zero 9</dev/zero'];
  const { err, out, code } = await run([...inherit, ...argv(launcher, dir, script)], {
    env: { NAME: "kept" },
    stdin: "not for the logger",
  });
  assert.equal(code, 0, err);
  assert.equal(out, "");
  const [input, output, error, ...more] = err.match(/\d+ -> .*/g) ?? [];
  assert.deepEqual(input, "0 -> /dev/null");
  // ls has its output at stderr.
  assert.match(output, /^1 -> pipe:/);
  assert.match(error, /^2 -> pipe:/);
  const streams = ["out", "err", "ready"].map((name, i) => `${i + 3} -> ${dir}/${name}`);
  assert.deepEqual(more.slice(0, 3), streams);
  assert.match(more[3], /^6 -> \/proc\/\d+\/fd$/);
  assert.equal(more.length, 4);
  // Read only, read only, write only, and all blocking (fcntl(2); 0100000 is O_LARGEFILE).
  assert.deepEqual(err.match(/^[345] \d+$/mg), ["3 100000", "4 100000", "5 100001"]);
  assert.match(err, /^SigBlk:\t0{16}$/m);
  assert.match(err, /^kept$/m);
  await ready.result;
});

/** Arguments, and what stderr must hold. */
const WRONG: [(dir: string) => string[], RegExp][] = [
  [() => [], /-stdout: missing/],
  [(dir) => flags(dir).slice(2), /-stdout: missing/],
  [(dir) => flags(dir).slice(0, 4), /-ready: missing/],
  [(dir) => [...flags(dir), "--stderr", "err"], /-stderr: not absolute: "err"/],
  [(dir) => [...flags(dir), "--other", "err"], /--other: not a flag/],
  [(dir) => flags(dir), /COMMAND: missing after the flags/],
  [(dir) => [...flags(dir), "--", "cat"], /COMMAND: not absolute: "cat"/],
];

for (const [args, message] of WRONG) {
  test(`refuses ${args("DIR").join(" ")}`, async (launcher, dir) => {
    const { code, err } = await run([launcher, "logger", ...args(dir)]);
    assert.match(err, message);
    assert.match(err, /^denowasi-logger: [^\n]+\n$/);
    assert.equal(code, 2);
  });
}

test("tells what it cannot open", async (launcher, dir) => {
  await Deno.writeTextFile(`${dir}/file`, "");
  const cases: [string[], RegExp][] = [
    [["--stdout", `${dir}/no`], /: open \S+\/no: No such file or directory\n$/],
    [["--stdout", `${dir}/file`], /: open \S+\/file: not a FIFO\n$/],
    [["--ready", `${dir}/file`], /: open \S+\/file: not a FIFO\n$/],
  ];
  for (const [change, message] of cases) {
    const args = [...flags(dir), ...change, "--", "/bin/true"];
    const { code, err } = await run([launcher, "logger", ...args]);
    assert.match(err, message);
    assert.equal(code, 1);
  }
});

test("tells what it cannot execute", async (launcher, dir) => {
  const ready = reader(`${dir}/ready`);
  const { code, err } = await run([launcher, "logger", ...flags(dir), "--", "/nowhere/logger"]);
  assert.equal(err, "denowasi-logger: exec /nowhere/logger: No such file or directory\n");
  assert.equal(code, 1);
  await ready.result;
});
