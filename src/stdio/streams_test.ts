import assert from "node:assert/strict";
import { ShimError } from "../errdefs/mod.ts";
import { type LoggerOptions, openStreams, planStreams, type StdioPaths } from "./mod.ts";

/** A stand-in for `launcher logger`, in sh: the same arguments, descriptors and exec. */
const LAUNCHER = `#!/bin/sh
[ "$1 $2 $4 $6 $8" = "logger --stdout --stderr --ready --" ] || exit 99
exec 3<"$3" 4<"$5" 5>"$7" </dev/null
shift 8
exec "$@"
`;

/** Ready once what is before its first blank line was done, it writes what it reads to files. */
const COPY = "exec 5>&-; cat <&3 > out & cat <&4 > err; wait";

function mkfifo(path: string, mode: number): void {
  const { success, stderr } = new Deno.Command("mkfifo", {
    args: ["-m", mode.toString(8), path],
  }).outputSync();
  if (!success) throw new ShimError("Internal", new TextDecoder().decode(stderr));
}

/** A folder of the shim, a logger that is a shell script, and what must be as before when both are gone. */
class World implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "denowasi-stdio-" });
  readonly folder = `${this.base}/shim`;
  readonly #descriptors = descriptors();

  constructor(script = "") {
    Deno.mkdirSync(this.folder);
    Deno.writeTextFileSync(`${this.base}/launcher`, LAUNCHER, { mode: 0o755 });
    const text = `#!/bin/sh\ncd ${this.base}\necho $$ > pid\n${script}\n`;
    Deno.writeTextFileSync(`${this.base}/logger`, text, { mode: 0o755 });
  }

  get uri(): string {
    return `binary://${this.base}/logger`;
  }

  options(rest: Partial<LoggerOptions> = {}): LoggerOptions {
    const { base, folder } = this;
    return { launcher: `${base}/launcher`, folder, mkfifo, path: "/usr/bin:/bin", ...rest };
  }

  open(paths: Partial<StdioPaths>, rest: Partial<LoggerOptions> = {}) {
    const all = { stdin: "", stdout: "", stderr: "", terminal: false, ...paths };
    const plan = planStreams(all, { namespace: "default", id: "web-1" });
    return openStreams(plan, this.options(rest));
  }

  read(name: string): string {
    return Deno.readTextFileSync(`${this.base}/${name}`);
  }

  get made(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  /** Nothing must be left: no FIFO, no descriptor, no logger. */
  [Symbol.dispose](): void {
    const { made } = this;
    const pid = exists(`${this.base}/pid`) ? this.read("pid").trim() : "";
    Deno.removeSync(this.base, { recursive: true });
    assert.deepEqual(made, []);
    assert.deepEqual(descriptors(), this.#descriptors);
    if (pid) assert.ok(!exists(`/proc/${pid}`), `logger ${pid} is left`);
  }
}

/** What this process's descriptors lead to, those of temporary files only. */
function descriptors(): string[] {
  const links: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      links.push(Deno.readLinkSync(`/proc/self/fd/${name}`));
    } catch {
      continue; // that of the listing
    }
  }
  return links.filter((link) => link.includes("denowasi-stdio-"));
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Writes to a FIFO as a container does: opens, writes, closes. */
function write(path: string, text: string): void {
  using file = Deno.openSync(path, { append: true });
  file.writeSync(new TextEncoder().encode(text));
}

Deno.test("openStreams() of nothing needs nothing", async () => {
  using world = new World();
  const streams = await world.open({});
  assert.deepEqual([streams.stdin, streams.stdout, streams.stderr], ["", "", ""]);
  streams.held();
  await streams.close();
});

Deno.test("openStreams() makes logs with their folders, and keeps what is in them", async () => {
  using world = new World();
  const stdout = `${world.base}/deep/er/log`;
  const streams = await world.open({ stdout: `file://${stdout}`, stderr: `file://${stdout}` });
  assert.equal(streams.stdout, stdout);
  assert.equal(Deno.statSync(stdout).mode! & 0o777, 0o644);
  write(stdout, "kept");
  await world.open({ stdout: `file://${stdout}` });
  assert.equal(Deno.readTextFileSync(stdout), "kept");
});

Deno.test("openStreams() opens no FIFO of containerd's", async () => {
  using world = new World();
  const [stdin, stdout] = [`${world.base}/in`, `${world.base}/out`];
  for (const path of [stdin, stdout]) mkfifo(path, 0o700);
  const streams = await world.open({ stdin, stdout, stderr: stdout });
  assert.deepEqual([streams.stdin, streams.stdout, streams.stderr], [stdin, stdout, stdout]);
  assert.deepEqual(descriptors(), []);
});

Deno.test.each(["stdin", "stdout", "stderr"])(
  "openStreams() names an absent %s, before it starts a logger",
  async (name) => {
    using world = new World("touch started");
    const absent = `${world.base}/absent`;
    await assert.rejects(world.open({ [name]: absent }), {
      kind: "NotFound",
      message: `open ${name}: "${absent}": not there`,
    });
    await assert.rejects(world.open({ stdin: absent, stdout: world.uri }), { kind: "NotFound" });
    assert.ok(!exists(`${world.base}/started`));
  },
);

Deno.test("openStreams() says which log cannot be made", async () => {
  using world = new World();
  await assert.rejects(world.open({ stdout: `file://${world.base}/launcher/log` }), {
    message: /^make the log \/.*\/launcher\/log: /,
  });
});

Deno.test("openStreams() starts a logger, which gets all of both streams", async () => {
  using world = new World(`env > env; echo "$@" > args; ${COPY}`);
  const streams = await world.open({ stdout: `${world.uri}?key=a%20value&flag` });
  assert.deepEqual(world.made, ["logger-ready", "logger-stderr", "logger-stdout"]);
  assert.equal(Deno.statSync(streams.stdout).mode! & 0o777, 0o600);
  write(streams.stdout, "before"); // and closes: the FIFO is held
  // Others hold it from here on, as the monitor does.
  const writers = [streams.stdout, streams.stderr].map((path) =>
    Deno.openSync(path, { read: true, write: true })
  );
  streams.held();
  write(streams.stdout, " and after\n");
  write(streams.stderr, "errors\n");
  for (const writer of writers) writer.close();
  await streams.close();
  await streams.close();
  assert.equal(world.read("args"), "key a value flag \n");
  assert.equal(world.read("out"), "before and after\n");
  assert.equal(world.read("err"), "errors\n");
  const names = world.read("env").trim().split("\n");
  const expected = ["CONTAINER_ID=web-1", "CONTAINER_NAMESPACE=default", "PATH=/usr/bin:/bin"];
  for (const line of expected) assert.ok(names.includes(line), line);
  assert.deepEqual(
    names.filter((line) => !/^(CONTAINER_|PATH=|PWD=|OLDPWD=|_=|SHLVL=)/.test(line)),
    [],
  );
});

Deno.test("openStreams() of a terminal has a logger of stdout alone", async () => {
  using world = new World(COPY);
  const streams = await world.open({ stdout: world.uri, terminal: true });
  assert.deepEqual([streams.terminal, streams.stderr], [true, ""]);
  write(streams.stdout, "words");
  await streams.close();
  assert.deepEqual([world.read("out"), world.read("err")], ["words", ""]);
});

Deno.test("openStreams() takes a byte for readiness, too", async () => {
  using world = new World(`echo >&5; ${COPY.replace("exec 5>&-;", "")}`);
  const streams = await world.open({ stdout: world.uri });
  await streams.close();
});

Deno.test("openStreams() waits until a logger is ready", async () => {
  using world = new World(`sleep 0.2; touch prepared; ${COPY}`);
  const streams = await world.open({ stdout: world.uri });
  assert.ok(exists(`${world.base}/prepared`));
  await streams.close();
});

Deno.test.each([
  ["ends at once", "exit 3", "it ended with 3 before it was ready"],
  ["is killed", "kill -9 $$", "it ended with 137 before it was ready"],
  [
    "ends with its descriptor open elsewhere",
    "sleep 60 & exit 4",
    "it ended with 4 before it was ready",
  ],
  ["does nothing", "exec sleep 60", "not ready within 300 ms"],
  ["ignores signals", "trap '' TERM INT; while :; do sleep 0.05; done", "not ready within 300 ms"],
])("openStreams() fails when a logger %s, and leaves nothing", async (_, script, reason) => {
  using world = new World(script);
  await assert.rejects(world.open({ stdout: world.uri }, { patienceMs: 300 }), {
    kind: "Unavailable",
    message: `start logger "${world.uri}": ${reason}`,
  });
});

Deno.test("openStreams() fails when a logger is not there", async () => {
  using world = new World();
  await assert.rejects(world.open({ stdout: "binary:///nowhere/logger" }), {
    kind: "Unavailable",
    message: 'start logger "binary:///nowhere/logger": it ended with 127 before it was ready',
  });
});

Deno.test("openStreams() fails when the launcher never opens its end", async () => {
  using world = new World();
  Deno.writeTextFileSync(`${world.base}/launcher`, "#!/bin/sh\nexec sleep 60\n");
  await assert.rejects(world.open({ stdout: world.uri }, { patienceMs: 200 }), {
    message: /not ready within 200 ms$/,
  });
  await assert.rejects(world.open({ stdout: world.uri }, { launcher: "/nowhere/launcher" }), {
    kind: "Internal",
    message: /^start logger "binary:.*": /,
  });
});

Deno.test("openStreams() leaves no FIFO when it cannot make all", async () => {
  using world = new World();
  let count = 0;
  const failing = (path: string, mode: number) => {
    if (++count === 3) throw new ShimError("AlreadyExists", "make it: file exists");
    mkfifo(path, mode);
  };
  await assert.rejects(world.open({ stdout: world.uri }, { mkfifo: failing }), {
    kind: "AlreadyExists",
  });
});

Deno.test.each([
  ["does not end", "exec 5>&-; exec sleep 60"],
  ["heeds no signal", "trap '' TERM; exec 5>&-; while :; do sleep 0.05; done"],
])("Streams.close() ends a logger that %s", async (_, script) => {
  using world = new World(script);
  const streams = await world.open({ stdout: world.uri }, { patienceMs: 200 });
  await streams.close();
});

Deno.test("Streams.close() finds a logger that has ended, and a folder that is gone", async () => {
  using world = new World("exec 5>&-; sleep 0.05");
  const streams = await world.open({ stdout: world.uri });
  Deno.removeSync(world.folder, { recursive: true });
  await streams.close();
  Deno.mkdirSync(world.folder);
});

Deno.test("openStreams() starts many loggers at once", async () => {
  using world = new World(COPY.replaceAll("out", "out.$$").replaceAll("err", "err.$$"));
  const opened = await Promise.all(Array.from({ length: 10 }, (_, index) => {
    Deno.mkdirSync(`${world.base}/${index}`);
    return world.open({ stdout: world.uri }, { folder: `${world.base}/${index}` });
  }));
  await Promise.all(opened.map((streams) => streams.close()));
});
