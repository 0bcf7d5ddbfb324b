import assert from "node:assert/strict";
import { waitFor } from "../support/mod.ts";
import { forked, leaves, type MonitorOptions, runtime, test } from "./monitor_support.ts";
import { client, descriptors, makeFifo, writer } from "./processes.ts";

const FIFOS: MonitorOptions = {
  fifos: ["in", "out", "err"],
  files: { stdin: "in", stdout: "out", stderr: "err" },
};
/** A process with the runtime's own stdin: a shell gives what it starts in the background another. */
const CAT = `exec 3<&0; (sh -c 'exec cat <&3' 3<&3 & echo $! >"$1")`;

test("holds streams while their clients go and come", async (launcher) => {
  await using pair = runtime(launcher, CAT, FIFOS);
  await pair.accept();
  await pair.ready();
  await pair.send("start\n");
  for (const text of ["one\n", "two\n"]) {
    const output = await client(`${pair.dir}/out`);
    const other = writer(`${pair.dir}/in`);
    await other.write(text);
    await output.waitForOutput(text);
    await other.closeStdin();
    assert.equal((await other.result).code, 0);
    output.kill();
    assert.equal((await output.result).out, text);
  }
  await pair.send("kill 15\n");
  await pair.exits(143);
});

test("ends stdin when told, once its clients have closed it, too", async (launcher) => {
  await using pair = runtime(launcher, CAT, FIFOS);
  await pair.accept();
  await pair.ready();
  const output = await client(`${pair.dir}/out`);
  const input = writer(`${pair.dir}/in`);
  await input.write("before\n");
  await output.waitForOutput("before\n");
  await pair.send("start\nclose-stdin\nclose-stdin\nclose\n");
  await waitFor("the commands", () => pair.process.err.includes('"close"'));
  await input.write("after\n");
  await output.waitForOutput("after\n");
  await input.closeStdin();
  await pair.exits(0);
  assert.equal((await output.result).out, "before\nafter\n");
});

test("keeps what was written to a stdin that was closed before it was opened", async (launcher) => {
  const steps = (dir: string) => [`in:${dir}/in`, `out:${dir}/out`, "ready", "wait", "run:cat"];
  await using pair = forked(launcher, (dir) => ["sleep:100", ...steps(dir)], FIFOS);
  await pair.accept();
  const output = await client(`${pair.dir}/out`);
  await Deno.writeTextFile(`${pair.dir}/in`, "early\n");
  await pair.send("close-stdin\nstart\n");
  await pair.ready();
  await pair.exits(0);
  assert.equal((await output.result).out, "early\n");
});

test("gives a runtime its streams, and /dev/null for those that are not given", async (launcher) => {
  const files = { stdout: "file", stderr: "err" };
  const script =
    'read line <"$3/go"; cat; echo out; echo err >&2; readlink /proc/self/fd/0 >"$3/in"; exit 1';
  await using pair = runtime(launcher, script, { files, fifos: ["err", "go"] });
  await Deno.writeTextFile(`${pair.dir}/file`, "there\n");
  const output = await client(`${pair.dir}/err`);
  await Deno.writeTextFile(`${pair.dir}/go`, "\n");
  await pair.accept();
  assert.equal(await pair.line(), "refused 1");
  await pair.exits(1);
  assert.equal(await Deno.readTextFile(`${pair.dir}/in`), "/dev/null\n");
  assert.equal((await output.result).out, "err\n");
  assert.equal(await Deno.readTextFile(`${pair.dir}/file`), "there\nout\n");
});

test("makes the file of an output, and appends to it", async (launcher) => {
  const dir = Deno.makeTempDirSync();
  try {
    const files = { stdout: `${dir}/new`, stderr: `${dir}/old` };
    await Deno.writeTextFile(files.stderr, "old\n");
    await using pair = runtime(launcher, "echo out; echo err >&2; exit 1", { files });
    await pair.accept();
    assert.equal(await pair.line(), "refused 1");
    await pair.exits(1);
    assert.equal(await Deno.readTextFile(files.stdout), "out\n");
    assert.equal(await Deno.readTextFile(files.stderr), "old\nerr\n");
    assert.equal((await Deno.stat(files.stdout)).mode! & 0o777, 0o644);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** A stream that cannot be opened, and the failure. */
const BAD: [string, string, RegExp][] = [
  ["stdin", "nothing", /^failed 2 open \S+\/nothing$/],
  ["stdin", "/dev/null/in", /^failed 20 open \/dev\/null\/in$/],
  ["stderr", "/dev/null/err", /^failed 20 open \/dev\/null\/err$/],
];

for (const [name, path, line] of BAD) {
  test(`tells a runtime's ${name} at ${path}`, async (launcher) => {
    await using pair = runtime(launcher, 'touch "$3/ran"', { files: { [name]: path } });
    await pair.accept();
    assert.match(await pair.line() ?? "", line);
    await pair.exits(137);
    await assert.rejects(Deno.stat(`${pair.dir}/ran`), Deno.errors.NotFound);
  });

  test(`tells a forked process's ${name} at ${path}, which ends`, async (launcher) => {
    await using pair = forked(launcher, ["ready", "pause"], { files: { [name]: path } });
    await pair.accept();
    assert.match(await pair.line() ?? "", line);
    await pair.exits(137);
  });
}

test("tells an output that is a folder", async (launcher) => {
  await using pair = runtime(launcher, "exit 0", { files: { stdout: "/tmp" } });
  await pair.accept();
  assert.equal(await pair.line(), "failed 21 open /tmp");
  await pair.exits(137);
});

test("holds no more of a FIFO than it must, and of a file nothing", async (launcher) => {
  const options = { ...FIFOS, files: { ...FIFOS.files, stderr: "/dev/full" } };
  await using pair = runtime(launcher, leaves("exec sleep 100"), options);
  await pair.accept();
  await pair.ready();
  const held = () =>
    [...descriptors(pair.process.pid).values()].filter((link) =>
      link.startsWith(pair.dir) || link === "/dev/full"
    );
  assert.deepEqual(held().sort(), [`${pair.dir}/in`, `${pair.dir}/out`]);
  await pair.send("close-stdin\n");
  await waitFor("stdin to be closed", () => held().length === 1);
  assert.deepEqual(held(), [`${pair.dir}/out`]);
  await pair.send("kill 9\n");
  await pair.exits(137);
});

test("does not wait for a FIFO that nobody has open", async (launcher) => {
  await using pair = runtime(launcher, leaves("echo out; exit 4"), FIFOS);
  makeFifo(`${pair.dir}/other`);
  await pair.accept();
  await pair.ready();
  await pair.exits(4);
});
