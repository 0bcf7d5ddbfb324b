/** Support of the monitor's tests: its neighbours, a process or an OCI runtime, and the supervisor. */

import assert from "node:assert/strict";
import { compileLauncher, run as runCompiler } from "../../scripts/native.ts";
import { Running } from "../support/mod.ts";
import { makeFifo } from "./processes.ts";
import { FACTS, Folder } from "./support.ts";

/** Where the tests of one file put everything. */
export const folder = new Folder();
globalThis.addEventListener("unload", () => folder[Symbol.dispose]());

/** Forks a stand-in for init and becomes its monitor. */
const DRIVER = `${folder.path}/init_driver`;
/** The launcher as it is built, and under ASan and UBSan. */
export const LAUNCHERS = { static: `${folder.path}/static`, sanitized: `${folder.path}/sanitized` };
await compileLauncher(LAUNCHERS.static, FACTS);
await compileLauncher(LAUNCHERS.sanitized, FACTS, { sanitize: true });
/** An OCI runtime as far as a terminal is concerned. */
export const CONSOLE_RUNTIME = `${folder.path}/console_runtime`;
const WARNINGS = ["-Wall", "-Wextra", "-Werror"];
for (const driver of [DRIVER, CONSOLE_RUNTIME]) {
  const source = `tests/launcher/${driver.slice(folder.path.length + 1)}.c`;
  await runCompiler("gcc", [...WARNINGS, "-o", driver, source]);
}

export const KEY = "web-1";

/** What a monitor is started with besides. */
export interface MonitorOptions {
  /** Whether there is a supervisor. Default: true. */
  listen?: boolean;
  /** Flags that name files: absolute, or in the folder. */
  files?: Record<string, string>;
  terminal?: boolean;
  /** The OCI runtime. Default: a shell. */
  command?: string;
  /** Makes FIFOs of these names in the folder before. */
  fifos?: string[];
}

/** The supervisor's side of one monitor, and the monitor. */
export class Pair implements AsyncDisposable {
  readonly process: Running;
  #listener?: Deno.UnixListener;
  #control?: Deno.UnixConn;
  #text = "";
  #pid?: number;

  constructor(readonly dir: string, argv: string[], readonly forked: boolean, listen = true) {
    if (listen) this.listen();
    this.process = new Running(argv);
  }

  /** Becomes a supervisor. */
  listen(): void {
    this.#listener = Deno.listen({ transport: "unix", path: `${this.dir}/socket` });
  }

  /** Ends as a supervisor, its socket included. */
  die(): void {
    this.hangUp();
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Takes the monitor's connection and its first line. */
  async accept(): Promise<void> {
    this.#control = await this.#listener?.accept();
    assert.equal(await this.line(), `monitor ${KEY}`);
  }

  /** The next line; null at the end. */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const buffer = new Uint8Array(4096);
      const count = await this.#control!.read(buffer);
      if (count === null) {
        assert.equal(this.#text, "");
        return null;
      }
      this.#text += new TextDecoder().decode(buffer.subarray(0, count));
    }
  }

  /** Sends bytes as they are. */
  async send(text: string): Promise<void> {
    const data = new TextEncoder().encode(text);
    for (let sent = 0; sent < data.length;) sent += await this.#control!.write(data.subarray(sent));
  }

  /** Ends the connection, as the supervisor's death would. */
  hangUp(): void {
    this.#control?.close();
    this.#control = undefined;
  }

  /** The process's pid; of a runtime's only after `ready`. */
  async init(): Promise<number> {
    if (!this.forked) return this.#pid!;
    await this.process.waitForOutput("\n");
    return Number(this.process.out);
  }

  /** Asserts the line "ready". */
  async ready(): Promise<void> {
    const line = await this.line();
    assert.match(line ?? "", /^ready \d+$/, this.process.err);
    this.#pid ??= Number(line?.slice("ready ".length));
    assert.equal(this.#pid, await this.init());
  }

  /** Asserts that `exit` with `code` is the last line, and the file the same. */
  async exits(code: number): Promise<void> {
    const line = await this.line();
    assert.match(line ?? "", new RegExp(`^exit ${code} \\d+ \\d+$`));
    assert.equal(await this.line(), null);
    assert.equal(await Deno.readTextFile(`${this.dir}/exit`), line?.slice("exit ".length) + "\n");
    await this.ends(code);
  }

  /** Asserts that the monitor and init end, and that the file says `code` and a time. */
  async ends(code: number): Promise<void> {
    const result = await this.process.result;
    assert.equal(result.code, 0, result.err);
    const written = await Deno.readTextFile(`${this.dir}/exit`);
    const [, seen, seconds, nanos] = /^(\d+) (\d+) (\d+)\n$/.exec(written)!;
    assert.equal(Number(seen), code);
    const ageMs = Date.now() - (Number(seconds) * 1e3 + Number(nanos) / 1e6);
    assert(ageMs > -10 && ageMs < 5_000, `${ageMs} ms`);
    assert(Number(nanos) < 1e9);
    const names = [...Deno.readDirSync(this.dir)].map(({ name }) => name);
    assert(names.includes("exit") && !names.includes(".exit") && !names.includes("console"));
    const pid = await this.init();
    if (pid !== undefined) await assert.rejects(Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.die();
    this.process.kill();
    const { code } = await this.process.result;
    // A monitor that was killed leaves the process of a runtime behind.
    if (code !== 0 && !this.forked && this.#pid !== undefined) Deno.kill(this.#pid, "SIGKILL");
  }
}

function start(
  argv: (flags: string[], dir: string) => string[],
  isForked: boolean,
  { listen = true, terminal = false, files = {}, fifos = [] }: MonitorOptions,
): Pair {
  const dir = Deno.makeTempDirSync({ dir: folder.path });
  for (const name of fifos) makeFifo(`${dir}/${name}`);
  const given = Object.entries({ socket: "socket", dir: "", ...files }).map(([name, path]) =>
    `--${name}=${path.startsWith("/") ? path : `${dir}/${path}`}`
  );
  if (terminal) given.push("--terminal=1");
  return new Pair(dir, argv([`--key=${KEY}`, ...given], dir), isForked, listen);
}

/** The monitor of a process that performs `steps`: init_driver.c. */
export function forked(
  launcher: string,
  steps: string[] | ((dir: string) => string[]),
  options: MonitorOptions = {},
): Pair {
  const argv = (flags: string[], dir: string) => {
    const performed = typeof steps === "function" ? steps(dir) : steps;
    return [DRIVER, launcher, ...flags, "--", ...performed];
  };
  return start(argv, true, options);
}

/**
 * The monitor of a shell that runs `script` as the OCI runtime: $1 is the pid file, $2 the
 * console's socket, $3 the folder.
 */
export function runtime(launcher: string, script: string, options: MonitorOptions = {}): Pair {
  const { command = "/bin/sh", files } = options;
  const argv = (flags: string[], dir: string) => {
    const shell = ["-c", script, "runtime", `${dir}/pid`, `${dir}/console`, dir];
    return [launcher, "monitor", ...flags, "--", command, ...shell];
  };
  return start(argv, false, { ...options, files: { "pid-file": "pid", ...files } });
}

/**
 * A script of a runtime that leaves a shell with the script `text` as its orphan; $1 is the folder.
 * It waits for the runtime's end: a shell that is still there would reap it itself.
 */
export function leaves(text: string): string {
  const orphaned = "while [ -e /proc/$2 ]; do sleep 0.01; done";
  return `(sh -c '${orphaned}; ${text}' process "$3" $$ & echo $! >"$1")`;
}

/** What `terminal` may be told besides. */
export interface TerminalOptions {
  /** What is sent for a terminal. Default: "pty". */
  sends?: string;
  /** Commands of the runtime before. */
  before?: string;
  console?: string;
}

/**
 * The monitor of a shell in a terminal, by console_runtime.c, with the FIFOs `in`, `out` and `go`;
 * $0 of `script` is the folder.
 */
export function terminal(launcher: string, script: string, options: TerminalOptions = {}): Pair {
  const { sends = "pty", before = ":", console = "console" } = options;
  const command =
    `${before}; exec ${CONSOLE_RUNTIME} "$1" "$2" ${sends} /bin/sh -c '${script}' "$3"`;
  return runtime(launcher, command, {
    fifos: ["in", "out", "go"],
    terminal: true,
    files: { console, stdin: "in", stdout: "out" },
  });
}

/** A test with each launcher. */
export function test(name: string, body: (launcher: string) => Promise<void>): void {
  for (const [kind, path] of Object.entries(LAUNCHERS)) {
    Deno.test(`monitor ${name} (${kind})`, () => body(path));
  }
}
