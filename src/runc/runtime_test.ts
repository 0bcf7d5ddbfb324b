import assert from "node:assert/strict";
import { OciRuntime } from "./runtime.ts";

/** A runtime that is a shell script, and the folder of the shim. */
class Fake implements Disposable {
  readonly base = Deno.makeTempDirSync({ prefix: "denowasi-runc-" });
  readonly folder = `${this.base}/shim`;
  readonly runtime = new OciRuntime({
    binary: `${this.base}/runtime`,
    root: `${this.base}/root`,
    systemdCgroup: false,
  });

  /** In the script `$log` is the log's path, `$base` the folder of the test, and `$@` starts at the sub-command. */
  constructor(script: string, interpreter = "/bin/sh") {
    Deno.mkdirSync(this.folder);
    const shift = `base=${this.base} log=$4; shift 6`;
    Deno.writeTextFileSync(`${this.base}/runtime`, `#!${interpreter}\n${shift}\n${script}\n`, {
      mode: 0o755,
    });
  }

  options(rest: { timeoutMs?: number; signal?: AbortSignal } = {}) {
    return { folder: this.folder, path: "/usr/bin:/bin", ...rest };
  }

  read(name: string): string {
    return Deno.readTextFileSync(`${this.base}/${name}`);
  }

  /** The calls must have removed their files. */
  [Symbol.dispose](): void {
    const left = [...Deno.readDirSync(this.folder)];
    Deno.removeSync(this.base, { recursive: true });
    assert.deepEqual(left, []);
  }
}

const gone = (pid: number) => {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return true;
  }
};

Deno.test("OciRuntime runs each command with its arguments", async () => {
  using fake = new Fake('echo "$@" >> $base/calls');
  const { runtime } = fake;
  const options = fake.options();
  await runtime.start("a", options);
  await runtime.pause("a", options);
  await runtime.resume("a", options);
  await runtime.kill("a", 15, options);
  await runtime.kill("a", 9, { ...options, all: true });
  await runtime.delete("a", options);
  const expected = ["start a", "pause a", "resume a", "kill a 15", "kill --all a 9"];
  assert.deepEqual(fake.read("calls").split("\n"), [...expected, "delete --force a", ""]);
});

Deno.test("OciRuntime.update() hands the resources over in a file", async () => {
  using fake = new Fake('[ "$2" = --resources ] && [ "$4" = a ] && cp "$3" $base/seen');
  const json = '{"memory":{"limit":9223372036854775807}}';
  await fake.runtime.update("a", json, fake.options());
  assert.equal(fake.read("seen"), json);
});

Deno.test("OciRuntime gives PATH, no other variable and no input", async () => {
  using fake = new Fake("env > $base/env; cat > $base/input");
  await fake.runtime.start("a", fake.options());
  const names = fake.read("env").trim().split("\n").map((line) => line.split("=")[0]);
  assert.deepEqual(names.filter((name) => !["PWD", "_", "SHLVL", "OLDPWD"].includes(name)), [
    "PATH",
  ]);
  assert.equal(fake.read("input"), "");
});

Deno.test("OciRuntime tells what the log says, else what was printed, else the code", async () => {
  using logged = new Fake(
    'echo \'{"level":"error","msg":"container not running"}\' > $log; exit 1',
  );
  await assert.rejects(logged.runtime.pause("a", logged.options()), {
    kind: "FailedPrecondition",
    message: "oci runtime pause: container not running",
  });
  using printed = new Fake("echo first >&2; echo last >&2; exit 3");
  await assert.rejects(printed.runtime.start("a", printed.options()), {
    kind: "Internal",
    message: "oci runtime start: last",
  });
  using silent = new Fake("exit 3");
  await assert.rejects(silent.runtime.start("a", silent.options()), {
    message: "oci runtime start: exit status 3",
  });
  using killed = new Fake("kill -9 $$");
  await assert.rejects(killed.runtime.start("a", killed.options()), {
    message: "oci runtime start: exit status 137",
  });
});

Deno.test("OciRuntime keeps the end of an output without end", async () => {
  using fake = new Fake(
    "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; exit 1",
  );
  await assert.rejects(fake.runtime.start("a", fake.options()), {
    message: "oci runtime start: end",
  });
});

Deno.test("OciRuntime kills what hangs, with what it has begun", async () => {
  using fake = new Fake("sleep 60 & echo $$ $! > $base/pids; wait");
  const call = fake.runtime.delete("a", fake.options({ timeoutMs: 300 }));
  await assert.rejects(call, {
    kind: "DeadlineExceeded",
    message: "oci runtime delete: not ended within 300 ms",
  });
  const pids = fake.read("pids").trim().split(" ").map(Number);
  assert.equal(pids.length, 2);
  for (let tries = 0; tries < 100 && !pids.every(gone); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.deepEqual(pids.filter((pid) => !gone(pid)), []);
});

Deno.test("OciRuntime kills what ignores every signal but one", async () => {
  using fake = new Fake("trap '' TERM INT HUP; while :; do sleep 0.05; done");
  const call = fake.runtime.start("a", fake.options({ timeoutMs: 100 }));
  await assert.rejects(call, { kind: "DeadlineExceeded" });
});

Deno.test("OciRuntime heeds its caller's signal, before and during a call", async () => {
  using fake = new Fake("touch $base/called; exec sleep 60");
  const early = fake.options({ signal: AbortSignal.abort() });
  const refused = {
    kind: "DeadlineExceeded",
    message: "oci runtime start: not ended before its caller gave up",
  };
  await assert.rejects(fake.runtime.start("a", early), refused);
  assert.throws(() => fake.read("called"), Deno.errors.NotFound);
  const caller = new AbortController();
  const call = fake.runtime.start("a", fake.options({ signal: caller.signal }));
  setTimeout(() => caller.abort(), 50);
  await assert.rejects(call, refused);
});

Deno.test("OciRuntime does not wait for who still has its output open", async () => {
  using fake = new Fake("(sleep 5; :) & echo $! > $base/pid");
  const before = performance.now();
  await fake.runtime.start("a", fake.options());
  assert.ok(performance.now() - before < 3000);
  const pid = Number(fake.read("pid"));
  assert.ok(!gone(pid), "a background process, as of a hook, goes on");
  Deno.kill(pid, "SIGKILL");
});

Deno.test("OciRuntime says that it cannot be run", async () => {
  using fake = new Fake("", "/nowhere/interpreter");
  await assert.rejects(fake.runtime.start("a", fake.options()), {
    kind: "FailedPrecondition",
    message: /^oci runtime start: run .*\/runtime: /,
  });
});

Deno.test("OciRuntime.delete() of a container that is not there succeeds", async () => {
  const log = (text: string) => `echo '{"level":"error","msg":"${text}"}' > $log; exit 1`;
  using runc = new Fake(log("container does not exist"));
  await runc.runtime.delete("a", runc.options());
  using crun = new Fake(log("error opening file `/r/a/status`: No such file or directory"));
  await crun.runtime.delete("a", crun.options());
  using busy = new Fake(log("cannot delete container a that is not stopped: running"));
  await assert.rejects(busy.runtime.delete("a", busy.options()), { kind: "Internal" });
});

Deno.test("OciRuntime.forget() removes the state of one container, there or not", () => {
  using fake = new Fake("");
  const root = `${fake.base}/root`;
  Deno.mkdirSync(`${root}/a/deep`, { recursive: true });
  Deno.mkdirSync(`${root}/b`);
  fake.runtime.forget("a");
  fake.runtime.forget("a");
  assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["b"]);
  for (const id of ["..", ".", "", "b/.."]) {
    assert.throws(() => fake.runtime.forget(id), { kind: "InvalidArgument" });
  }
  assert.ok(Deno.statSync(`${root}/b`).isDirectory);
});

Deno.test("OciRuntime runs nothing for an id that is no name", async () => {
  using fake = new Fake("touch $base/called");
  await assert.rejects(fake.runtime.start("--help", fake.options()), { kind: "InvalidArgument" });
  assert.throws(() => fake.read("called"), Deno.errors.NotFound);
});
