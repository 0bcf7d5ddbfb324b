import assert from "node:assert/strict";
import { Stdio } from "./keepers.ts";

/** Real FIFOs, and whoever opens them. */
class Pipes {
  readonly folder = Deno.makeTempDirSync({ prefix: "denowasi-stdio-" });

  constructor(...names: string[]) {
    const { success } = new Deno.Command("mkfifo", {
      args: names.map((name) => this.path(name)),
    }).outputSync();
    assert.ok(success);
  }

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  stdio(names: { stdin?: string; stdout?: string; stderr?: string }): Stdio {
    const of = (name?: string) => name ? this.path(name) : "";
    const { stdin, stdout, stderr } = names;
    return new Stdio({
      stdin: of(stdin),
      stdout: of(stdout),
      stderr: of(stderr),
      terminal: false,
    });
  }

  /** A process whose standard streams are opened by the shell, as init opens them. */
  spawn(script: string): Deno.ChildProcess {
    return new Deno.Command("timeout", {
      args: ["5", "sh", "-c", script],
      cwd: this.folder,
      stdin: "null",
      stdout: "null",
    }).spawn();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("Stdio lets init open a FIFO that has no reader yet", async () => {
  using pipes = new Pipes("out");
  using _ = pipes.stdio({ stdout: "out" });
  assert.ok((await pipes.spawn("echo hello >> out").status).success);
});

Deno.test("Stdio keeps what was written last until the reader has it, then its end of file", async () => {
  using pipes = new Pipes("out");
  using stdio = pipes.stdio({ stdout: "out" });
  const client = await Deno.open(pipes.path("out"), { read: true });
  assert.ok((await pipes.spawn("echo last >> out").status).success);
  stdio.close();
  assert.equal(await new Response(client.readable).text(), "last\n");
});

Deno.test("Stdio spares the guest a SIGPIPE when its reader goes away", async () => {
  using pipes = new Pipes("out", "go");
  using _ = pipes.stdio({ stdout: "out" });
  const client = Deno.openSync(pipes.path("out"), { read: true });
  const guest = pipes.spawn("exec >> out; read line < go; echo late");
  const go = await Deno.open(pipes.path("go"), { write: true }); // waits until the guest has opened both
  client.close();
  await go.write(new TextEncoder().encode("\n"));
  go.close();
  assert.ok((await guest.status).success);
});

Deno.test("Stdio.closeStdin() gives the guest its end of file", async () => {
  using pipes = new Pipes("in");
  using stdio = pipes.stdio({ stdin: "in" });
  const guest = pipes.spawn("exec < in; cat > copy");
  const client = Deno.openSync(pipes.path("in"), { write: true });
  client.writeSync(new TextEncoder().encode("words"));
  client.close();
  let ended = false;
  const status = guest.status.then((status) => {
    ended = true;
    return status;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(ended, false);
  stdio.closeStdin();
  stdio.closeStdin();
  assert.ok((await status).success);
  assert.equal(Deno.readTextFileSync(pipes.path("copy")), "words");
});

Deno.test("Stdio makes the folders of logs", () => {
  using pipes = new Pipes("unused");
  const path = pipes.path("deep/er/log");
  using stdio = new Stdio({ stdin: "", stdout: `file://${path}`, stderr: "", terminal: false });
  assert.ok(Deno.statSync(pipes.path("deep/er")).isDirectory);
  assert.deepEqual(stdio.ops[1], { op: "open", path, flags: 0o2101, mode: 0o644, fd: 1 });
});

Deno.test("Stdio holds nothing of files that are no FIFOs", () => {
  using pipes = new Pipes("unused");
  Deno.writeTextFileSync(pipes.path("plain"), "text");
  const before = descriptors();
  using _ = pipes.stdio({ stdin: "plain", stdout: "plain" });
  assert.equal(descriptors(), before);
});

Deno.test("Stdio holds nothing after close() or a path that is not there", () => {
  using pipes = new Pipes("in", "out", "err");
  const before = descriptors();
  const stdio = pipes.stdio({ stdin: "in", stdout: "out", stderr: "err" });
  assert.equal(descriptors(), before + 3);
  stdio.close();
  stdio.close();
  assert.equal(descriptors(), before);
  assert.throws(() => pipes.stdio({ stdin: "in", stdout: "absent" }), Deno.errors.NotFound);
  assert.equal(descriptors(), before);
});
