/** Support of the zygote's tests: a zygote of the sources, its supervisor's side, and containers. Root only. */

import { containerPreopens } from "../../src/engine/preopens.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { buildModules, modulePath } from "../../scripts/modules.ts";
import { compileHelper, compileLauncher } from "../../scripts/native.ts";
import type { Op, SandboxPlan } from "../../src/linux/plan.ts";
import { MS } from "../../src/oci/mod.ts";
import { serveControl } from "../../src/supervisor/control.ts";
import type { LineConnection } from "../../src/supervisor/lines.ts";
import { type Exit, Monitor, SIGKILL } from "../../src/supervisor/monitor.ts";
import { Zygote } from "../../src/supervisor/zygote.ts";
import { must, Running, waitFor } from "../support/mod.ts";
import { mountOp } from "./support.ts";

/** Where the tests of one file put everything. */
export const folder = Deno.makeTempDirSync({ prefix: "denowasi-zygote-" });
Deno.chmodSync(folder, 0o755);
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** As the unpacked archive, as far as the zygote and monitors need it. */
export const RUNTIME = `${folder}/runtime`;
Deno.mkdirSync(RUNTIME);
await compileHelper(`${RUNTIME}/libdenowasi.so`);
await compileLauncher(`${RUNTIME}/launcher`, {
  version: "0",
  revision: "",
  engines: ["deno"],
  runtime: "a test",
  v8: "0",
  compiled: false,
});

/** A root with every test module. */
export const ROOT = `${folder}/root`;
Deno.mkdirSync(`${ROOT}/proc`, { recursive: true });
await buildModules();
for (const { name } of Deno.readDirSync(modulePath(""))) {
  if (name.endsWith(".wasm")) Deno.copyFileSync(modulePath(name), `${ROOT}/${name}`);
}

const V8_FLAGS = "--single-threaded,--no-liftoff,--no-wasm-lazy-compilation";

/** What a container is made of; what is left out is ordinary. */
export interface Container {
  module?: string;
  /** Hex of the SHA-256 that the module must have. */
  digest?: string;
  export?: string;
  args?: string[];
  env?: string[];
  cwd?: string;
  /** Descriptors that `init` makes. */
  listeners?: number[];
  /** In bytes. */
  memoryLimit?: number;
  init?: Op[];
  monitor?: Op[];
  /** All of it, given what opens the streams; instead of `init` and `monitor`. */
  plan?: (stdio: Op[]) => SandboxPlan;
  /** In place of `init` when its module is one that is served. */
  served?: Op[];
  /** Why it cannot be served. */
  refusal?: string;
  /** Its monitor copies a terminal's bytes. */
  terminal?: boolean;
  rootfs?: string;
}

/** A process whose init waits for its start. */
export class Created {
  constructor(readonly key: string, readonly monitor: Monitor, readonly pid: number) {}

  start(): Promise<void> {
    return this.monitor.start();
  }

  /** Its end, with what it has written. */
  async end(): Promise<{ code: number; out: string; err: string }> {
    const exit = await this.monitor.exited;
    assert.ok(exit, "the monitor went without a word");
    return { code: exit.code, out: this.output("out"), err: this.output("err") };
  }

  /** What it has written so far. */
  output(name: "out" | "err"): string {
    return Deno.readTextFileSync(`${folder}/${this.key}/${name}`);
  }

  /** Waits until it has written `text`, or what matches it. */
  async waitForOutput(text: string | RegExp): Promise<void> {
    await waitFor(
      `${this.key} to write ${text}`,
      () =>
        typeof text === "string"
          ? this.output("out").includes(text)
          : text.test(this.output("out")),
    );
  }

  /** Types in its terminal. */
  async type(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    await Deno.writeFile(`${folder}/${this.key}/in`, bytes, { create: false });
  }

  async kill(signal: number): Promise<Exit | null> {
    await this.monitor.kill(signal);
    return await this.monitor.exited;
  }
}

let count = 0;

/** A zygote, and the supervisor's end of its control socket. */
export class TestZygote implements AsyncDisposable {
  readonly socket = `${folder}/control-${count++}`;
  readonly process: Running;
  readonly #listener = Deno.listen({ transport: "unix", path: this.socket });
  readonly #zygote = new Zygote({
    ...{ runtime: RUNTIME, controlSocket: this.socket },
    ...{ engine: "deno", compilation: "eager" },
  });
  readonly #created: Created[] = [];
  readonly #expected = new Map<string, PromiseWithResolvers<LineConnection>>();
  readonly #connected = Promise.withResolvers<LineConnection>();
  readonly #served: Promise<void>;

  /** @param preload path of a script that runs in it first */
  private constructor(preload?: string) {
    this.process = new Running([
      ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check"],
      ...preload ? ["--preload", preload] : [],
      ...["src/main.ts", "zygote", this.socket, RUNTIME, "deno", "eager"],
    ], {
      clearEnv: true,
      env: { DENO_DIR: Deno.env.get("DENO_DIR") ?? "", HOME: "/root", DENO_V8_FLAGS: V8_FLAGS },
      timeoutMs: 60_000,
    });
    this.#zygote.expect();
    this.#served = serveControl(this.#listener, {
      zygote: (connection) => {
        this.#zygote.connected(connection);
        this.#connected.resolve(connection);
      },
      monitor: (connection, key) => this.#expected.get(key)?.resolve(connection),
      start: () => "refused",
      deleteTask: () => Promise.resolve(""),
      released: () => {},
    });
  }

  static async start(preload?: string): Promise<TestZygote> {
    const started = new TestZygote(preload);
    await Promise.race([
      started.#connected.promise,
      started.process.result.then(({ err }) => assert.fail(err)),
    ]);
    return started;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Its connection, to speak on it without regard for the protocol. */
  get connection(): Promise<LineConnection> {
    return this.#connected.promise;
  }

  /** Forks a container, or a process into `container`, that then waits for its start. */
  async create(asked: Container = {}, container?: Created): Promise<Created> {
    const key = container ? `${container.key}/e${count++}` : `c${count++}`;
    const dir = `${folder}/${key}`;
    Deno.mkdirSync(dir);
    const expected = Promise.withResolvers<LineConnection>();
    this.#expected.set(key, expected);
    const { module = "/hello.wasm", rootfs = ROOT, args = [module], env = [], cwd = "/" } = asked;
    const stdio = streams(dir);
    const plan = asked.plan?.(stdio) ?? {
      monitor: asked.monitor ?? [{ op: "unshare", kinds: ["pid"] }],
      init: [...stdio, ...asked.init ?? sandbox(rootfs)],
    };
    await this.#zygote.fork({
      key,
      root: rootfs,
      module,
      digest: asked.digest ?? "",
      memoryLimit: asked.memoryLimit ?? 0,
      plan,
      guest: {
        ...{ args, env, cwd, export: asked.export ?? "_start" },
        ...{ preopens: containerPreopens(cwd), listeners: asked.listeners ?? [] },
      },
      served: asked.served &&
        { init: [...stdio, ...asked.served], lock: new Uint8Array(), refusal: asked.refusal ?? "" },
      monitor: [
        ...["--key", key, "--socket", this.socket, "--dir", dir],
        ...asked.terminal ? await terminalFlags(dir) : [],
      ],
    });
    const monitor = new Monitor(await expected.promise);
    const created = new Created(key, monitor, await monitor.ready);
    this.#created.push(created);
    return created;
  }

  /** Runs a container to its end. */
  async run(container: Container = {}): Promise<{ code: number; out: string; err: string }> {
    const created = await this.create(container);
    await created.start();
    return await created.end();
  }

  /** How many descriptors the process has. */
  descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.pid}/fd`)].length;
  }

  /** Pids of its children, zombies too. */
  children(): number[] {
    return Deno.readTextFileSync(`/proc/${this.pid}/task/${this.pid}/children`).split(" ").filter(
      Boolean,
    ).map(Number);
  }

  /** Ends as its supervisor's end does it, after everything that it has forked. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#created.map((created) => created.kill(SIGKILL)));
    (await this.connection)[Symbol.dispose]();
    this.#listener.close();
    await this.#served;
    await this.process.result;
  }
}

function streams(dir: string): Op[] {
  const flags = 0o1101; // O_WRONLY | O_CREAT | O_TRUNC
  return [
    { op: "open", path: "/dev/null", flags: 0, mode: 0, fd: 0 },
    { op: "open", path: `${dir}/out`, flags, mode: 0o644, fd: 1 },
    { op: "open", path: `${dir}/err`, flags, mode: 0o644, fd: 2 },
  ];
}

/** A FIFO to type into and a file for the screen. */
async function terminalFlags(dir: string): Promise<string[]> {
  await must(["mkfifo", `${dir}/in`]);
  for (const name of ["out", "err"]) Deno.writeTextFileSync(`${dir}/${name}`, "");
  return ["--stdin", `${dir}/in`, "--stdout", `${dir}/out`, "--terminal", "1"];
}

/** Namespaces of every kind, the root, and no privileges. */
export function sandbox(rootfs: string): Op[] {
  return [
    { op: "unshare", kinds: ["mount", "ipc", "uts", "network", "cgroup"] },
    { op: "propagation", path: "/", flags: MS.SLAVE | MS.REC },
    { op: "root", path: rootfs, flags: MS.NODEV },
    mountOp({ source: "proc", target: "/proc", type: "proc" }),
    { op: "pivot" },
    { op: "hostname", name: "guest" },
    { op: "bounding", mask: 0n },
    { op: "user", uid: 1000, gid: 1000, groups: [] },
    { op: "capabilities", effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n },
    { op: "noNewPrivileges" },
  ];
}

/** Whether there is a process `pid`. */
export function exists(pid: number): boolean {
  try {
    return Deno.statSync(`/proc/${pid}`).isDirectory;
  } catch {
    return false;
  }
}

const PAGE_SIZE = 4096;
/** A page that is in memory: bit 63 of its entry in /proc/PID/pagemap, which is the top bit of its last byte. */
const PRESENT = 0x80;

/** Every text of `size` bytes in the memory of process `pid` that begins with `prefix`, once. */
export function findInMemory(pid: number, prefix: string, size: number): string[] {
  using memory = Deno.openSync(`/proc/${pid}/mem`);
  using pagemap = Deno.openSync(`/proc/${pid}/pagemap`);
  const found = new Set<string>();
  for (const line of Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n")) {
    const [, start, end, readable, name] = /^(\w+)-(\w+) (.)\S+ \S+ \S+ \S+ *(.*)$/.exec(line) ??
      [];
    if (readable !== "r" || name.startsWith("[v")) continue; // [vvar] cannot be read
    const first = Number(`0x${start}`) / PAGE_SIZE;
    const pages = readAt(pagemap, 8 * first, 8 * (Number(`0x${end}`) / PAGE_SIZE - first));
    const present = (page: number) => (pages[8 * page + 7] & PRESENT) !== 0;
    for (let page = 0, next; page < pages.length / 8; page = next + 1) {
      for (next = page; next < pages.length / 8 && present(next);) next++;
      const bytes = readAt(memory, (first + page) * PAGE_SIZE, (next - page) * PAGE_SIZE);
      for (let at = bytes.indexOf(prefix); at >= 0; at = bytes.indexOf(prefix, at + 1)) {
        found.add(bytes.toString("latin1", at, at + size));
      }
    }
  }
  return [...found];
}

/** `size` bytes at `start`. */
function readAt(file: Deno.FsFile, start: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  file.seekSync(start, Deno.SeekMode.Start);
  for (let filled = 0; filled < size;) {
    const count = file.readSync(bytes.subarray(filled));
    assert.ok(count, `${size} bytes at ${start}`);
    filled += count;
  }
  return bytes;
}
