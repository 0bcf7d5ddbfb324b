import assert from "node:assert/strict";
import { Running, waitFor } from "../support/mod.ts";
import { forked, LAUNCHERS, type Pair, terminal, test } from "./monitor_support.ts";
import { client, descriptors, writer } from "./processes.ts";

const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);

test("copies all bytes both ways in a raw terminal", async (launcher) => {
  await using pair = terminal(launcher, "stty raw -echo; printf up; exec head -c 2560");
  const output = await client(`${pair.dir}/out`);
  await pair.accept();
  await pair.ready();
  await output.waitForOutput("up");
  const input = writer(`${pair.dir}/in`);
  for (let i = 0; i < 10; i++) await input.write(BYTES);
  await pair.exits(0);
  const { stdout } = await output.result;
  const expected = Array.from({ length: 10 }, () => [...BYTES]).flat();
  assert.deepEqual([...stdout], [...new TextEncoder().encode("up"), ...expected]);
  await input.closeStdin();
  await input.result;
});

test("resizes, before there is a terminal and after", async (launcher) => {
  const script = 'stty size; trap "stty size" WINCH; echo up; while :; do sleep 0.02; done';
  await using pair = terminal(launcher, script);
  const output = await client(`${pair.dir}/out`);
  await pair.accept();
  await pair.ready();
  await output.waitForOutput("up");
  await pair.send("resize 120 40\n");
  await output.waitForOutput("40 120\r\n");
  await pair.send("resize 65535 1\n");
  await output.waitForOutput("1 65535\r\n");
  await pair.send("kill 9\n");
  await pair.exits(137);
  await output.result;
});

test("gives a terminal that comes later the size it was told before", async (launcher) => {
  const steps = ["sleep:50", "terminal", "ready", "wait", "run:stty size"];
  await using pair = forked(launcher, steps, {
    fifos: ["out"],
    files: { stdout: "out" },
    terminal: true,
  });
  const output = await client(`${pair.dir}/out`);
  await pair.accept();
  await pair.send("resize 90 30\n");
  await pair.ready();
  await pair.send("start\n");
  await pair.exits(0);
  assert.equal((await output.result).out, "30 90\r\n");
});

test("brings out all output before the exit", async (launcher) => {
  const script = "stty -opost; head -c 1000000 /dev/zero | tr \\\\0 x; exit 3";
  await using pair = terminal(launcher, script);
  const output = await client(`${pair.dir}/out`);
  await pair.accept();
  await pair.ready();
  await pair.exits(3);
  const { out } = await output.result;
  assert.equal(out.length, 1_000_000);
  assert.match(out, /^x+$/);
});

/** What fits in a FIFO: pipe(7). */
const FIFO_SIZE = 65536;
/** More than the monitor holds, and less than that and what the kernel holds of a pty. */
const SIZE = 20_000;

/** A process whose output is on its way when it has ended: stdout is full of something else. */
async function ended(launcher: string): Promise<Pair> {
  const script = `read line <$0/go; stty -opost; head -c ${SIZE} /dev/zero | tr \\\\0 x; exit 3`;
  const pair = terminal(launcher, script);
  await pair.accept();
  await pair.ready();
  using full = await Deno.open(`${pair.dir}/out`, { read: true, write: true });
  assert.equal(await full.write(new Uint8Array(FIFO_SIZE)), FIFO_SIZE);
  await Deno.writeTextFile(`${pair.dir}/go`, "\n");
  const status = `/proc/${await pair.init()}/status`;
  await waitFor("the end", async () => /^State:\tZ/m.test(await Deno.readTextFile(status)));
  return pair;
}

test("waits for a slow and takes the rest after the process's end", async (launcher) => {
  await using pair = await ended(launcher);
  const slow = 'exec <"$0"; for i in 1 2 3; do head -c 20000; sleep 0.05; done; exec cat';
  const output = new Running(["sh", "-c", slow, `${pair.dir}/out`]);
  await pair.exits(3);
  const { out } = await output.result;
  assert.equal(out.length, FIFO_SIZE + SIZE);
  assert(out.endsWith("x".repeat(SIZE)));
});

Deno.test("monitor does not wait for ever for output to be read", async () => {
  await using pair = await ended(LAUNCHERS.static);
  await pair.exits(3);
  assert.match(pair.process.err, /^denowasi-mon: web-1: output is left that nobody reads\n$/);
});

test("drops the output of a terminal without a stdout, and goes on", async (launcher) => {
  const steps = ["terminal", "ready", "wait", "run:head -c 300000 /dev/zero; exit 5"];
  await using pair = forked(launcher, steps, { terminal: true });
  await pair.accept();
  await pair.ready();
  await pair.send("start\n");
  await pair.exits(5);
});

test("sends nothing to the terminal when stdin ends", async (launcher) => {
  const script = "stty raw -echo; printf up; head -c 2; head -c 2; printf done; exec sleep 100";
  await using pair = terminal(launcher, script);
  const output = await client(`${pair.dir}/out`);
  await pair.accept();
  await pair.ready();
  await output.waitForOutput("up");
  const input = writer(`${pair.dir}/in`);
  await input.write("ab");
  await output.waitForOutput("upab");
  await pair.send("start\nclose-stdin\nclose\n");
  await waitFor("the commands", () => pair.process.err.includes('"close"'));
  await input.write("cd");
  await input.closeStdin();
  await output.waitForOutput("upabcddone");
  await waitFor(
    "stdin to be let go",
    () => ![...descriptors(pair.process.pid).values()].includes(`${pair.dir}/in`),
  );
  await pair.send("kill 9\n");
  await pair.exits(137);
  assert.equal((await output.result).out, "upabcddone");
});

test("keeps input that a process does not read", async (launcher) => {
  const script = "stty raw -echo; printf up; read line <$0/go; head -c 200000 | wc -c";
  await using pair = terminal(launcher, script);
  const output = await client(`${pair.dir}/out`);
  await pair.accept();
  await pair.ready();
  await output.waitForOutput("up");
  const input = writer(`${pair.dir}/in`);
  const written = input.write(new Uint8Array(200_000).fill(97));
  await Deno.writeTextFile(`${pair.dir}/go`, "\n");
  await written;
  await pair.exits(0);
  assert.match((await output.result).out, /^up200000\n$/);
  await input.closeStdin();
  await input.result;
});

test("waits for a process that closes its terminal and opens it anew", async (launcher) => {
  const script = "exec 0<&- 1>&- 2>&-; sleep 0.3; exec >/dev/tty; echo back; exec sleep 100";
  await using pair = terminal(launcher, script);
  const output = await client(`${pair.dir}/out`);
  await pair.accept();
  await pair.ready();
  await waitFor("the wait", async () => {
    const children = `/proc/${await pair.init()}/task/${await pair.init()}/children`;
    return await Deno.readTextFile(children) !== "";
  });
  // utime and stime of proc(5), in hundredths of a second.
  const used = async () => {
    const text = await Deno.readTextFile(`/proc/${pair.process.pid}/stat`);
    const [user, system] = text.slice(text.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return Number(user) + Number(system);
  };
  const before = await used();
  await output.waitForOutput("back\r\n");
  assert(await used() - before < 10, "no busy loop");
  await pair.send("kill 9\n");
  await pair.exits(137);
  await output.result;
});

/** What a runtime may send for a terminal: none is one. */
for (const sends of ["null", "two", "nothing"]) {
  test(`refuses ${sends} for a terminal`, async (launcher) => {
    await using pair = terminal(launcher, "exec sleep 100", { sends });
    await pair.accept();
    assert.equal(await pair.line(), "failed 25 receive the terminal");
    await pair.exits(137);
  });
}

test("makes the console's socket for its owner alone, and removes it", async (launcher) => {
  await using pair = terminal(launcher, "exec sleep 100", {
    before: 'stat -c "%a %F" "$2" >"$3/mode"',
  });
  await pair.accept();
  await pair.ready();
  assert.equal(await Deno.readTextFile(`${pair.dir}/mode`), "600 socket\n");
  await assert.rejects(Deno.lstat(`${pair.dir}/console`), Deno.errors.NotFound);
  await pair.send("kill 9\n");
  await pair.exits(137);
});

/** The steps of a process with a terminal that is none, and the lines. */
const FORKED: [string, string[], string[], string[]][] = [
  ["no terminal", ["ready", "pause"], ["failed 25 receive the terminal"], []],
  ["T without a descriptor", ["text:T", "ready", "pause"], [], []],
  ["/dev/null", ["send:T:1", "ready", "pause"], ["failed 25 receive the terminal"], ["terminal: "]],
  ["two descriptors", ["send:T:2", "ready", "pause"], [], []],
  ["eight descriptors", ["send:T:8", "ready", "pause"], [], []],
  ["another word", ["send:X:1", "ready", "pause"], [], []],
];

for (const [what, steps, lines, errors] of FORKED) {
  test(`refuses ${what} of a forked process`, async (launcher) => {
    await using pair = forked(launcher, steps, { terminal: true });
    await pair.accept();
    for (const line of lines) assert.equal(await pair.line(), line);
    await pair.exits(137);
    for (const error of errors) assert(pair.process.err.includes(error), pair.process.err);
  });
}

test("closes a descriptor that nobody wants", async (launcher) => {
  for (const sent of [["send:T:1", "ready"], ["send:R:1"], ["send:R:2"]]) {
    await using pair = forked(launcher, [...sent, "wait", "exit:2"]);
    await pair.accept();
    await pair.ready();
    const more = [...descriptors(pair.process.pid)].filter(([fd, link]) =>
      fd > 2 && link === "/dev/null"
    );
    assert.deepEqual(more, []);
    await pair.send("start\nresize 80 24\n");
    await pair.exits(2);
  }
});

test("tells a socket's path that is too long", async (launcher) => {
  const long = `/tmp/${"x".repeat(120)}`;
  await using pair = terminal(launcher, "exec sleep 100", { console: long });
  await pair.accept();
  assert.equal(await pair.line(), `failed 36 listen on ${long}`);
  await pair.exits(137);
});
