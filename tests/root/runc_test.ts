/**
 * src/runc with the real crun and runc. Needs root. Each test is in a mount namespace of its own, since crun refuses the
 * hybrid cgroup layout: `nsenter` stands before the runtime's own path in a script that is the runtime here.
 */

import assert from "node:assert/strict";
import { Cgroups } from "../../src/cgroups/mod.ts";
import {
  configFor,
  DEFAULT_OPTIONS,
  failure,
  findRuntime,
  OciRuntime,
  readLog,
} from "../../src/runc/mod.ts";
import { listCgroups, removeCgroups } from "../support/cgroups.ts";
import { must, run, Running, waitFor } from "../support/mod.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const NAME = `denowasi-runc-test-${Deno.pid}`;

/** A config.json; `process` over `sh`, which waits for SIGTERM. */
function config(ociVersion: string, process: Record<string, unknown> = {}) {
  return {
    ociVersion,
    process: {
      user: { uid: 0, gid: 0 },
      args: [
        "/bin/busybox",
        "sh",
        "-c",
        "trap 'exit 7' TERM; while :; do /bin/busybox sleep 0.02; done",
      ],
      env: ["PATH=/bin"],
      cwd: "/",
      ...process,
    },
    root: { path: "rootfs" },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: {
      cgroupsPath: `/${NAME}/container`,
      namespaces: [{ type: "pid" }, { type: "mount" }, { type: "ipc" }],
      resources: { memory: { limit: 67108864 } },
    },
  };
}

/** A bundle, a folder of the shim and a mount namespace without the hybrid layout. */
class Stage implements AsyncDisposable {
  readonly base = Deno.makeTempDirSync({ prefix: "denowasi-runc-" });
  readonly bundle = `${this.base}/bundle`;
  readonly folder = `${this.base}/shim`;
  readonly runtime: OciRuntime;
  readonly #holder: Running;

  private constructor(readonly name: string, holder: Running) {
    this.#holder = holder;
    const root = `${this.base}/bundle/rootfs`;
    for (const path of [this.folder, `${root}/bin`, `${root}/dev`, `${root}/proc`]) {
      Deno.mkdirSync(path, { recursive: true });
    }
    Deno.copyFileSync("/bin/busybox", `${root}/bin/busybox`);
    const real = findRuntime({ ...DEFAULT_OPTIONS, binaryName: name }, PATH);
    const enter = `exec nsenter --target ${holder.pid} --mount -- ${real} "$@"`;
    Deno.writeTextFileSync(`${this.base}/runtime`, `#!/bin/sh\n${enter}\n`, { mode: 0o755 });
    this.runtime = new OciRuntime({
      binary: `${this.base}/runtime`,
      root: `${this.base}/deep/root`,
      systemdCgroup: false,
    });
  }

  static async start(name: string): Promise<Stage> {
    const unified = "/sys/fs/cgroup/unified";
    const script =
      `if mountpoint -q ${unified}; then mount -t tmpfs none ${unified}; fi; echo; cat`;
    const unshare = ["unshare", "--mount", "--propagation=private"];
    const holder = new Running([...unshare, "sh", "-euc", script], { stdin: "open" });
    await holder.waitForOutput("\n");
    return new Stage(name, holder);
  }

  get options() {
    return { folder: this.folder, path: PATH };
  }

  /** Runs a command as the monitor does, and tells an error as the supervisor does. */
  async execute(command: string, argv: string[]): Promise<void> {
    const log = argv[argv.indexOf("--log") + 1];
    const out = `${this.base}/out`;
    const { code } = await run(["sh", "-c", 'exec "$@" >> "$0" 2>&1', out, ...argv], {
      env: { PATH },
      clearEnv: true,
    });
    if (code !== 0) throw failure(readLog(log), "", command, code);
  }

  /** Creates the container; answers init's pid. */
  async create(spec: unknown, instead?: string): Promise<number> {
    Deno.writeTextFileSync(`${this.bundle}/config.json`, JSON.stringify(spec));
    if (instead !== undefined) Deno.writeTextFileSync(`${this.folder}/config.json`, instead);
    const argv = this.runtime.createCommand({
      id: "c",
      bundle: this.bundle,
      pidFile: `${this.folder}/pid`,
      log: `${this.folder}/log`,
      config: instead === undefined ? undefined : `${this.folder}/config.json`,
      noPivotRoot: false,
      noNewKeyring: true,
    });
    await this.execute("create", argv);
    return Number(Deno.readTextFileSync(`${this.folder}/pid`));
  }

  /** Runs another process in the container; answers its pid. */
  async exec(args: string[], rest: Record<string, unknown> = {}): Promise<number> {
    const { process } = config("1.0.2", { args, ...rest });
    const processFile = `${this.folder}/process.json`;
    Deno.writeTextFileSync(processFile, JSON.stringify(process));
    const files = { processFile, pidFile: `${this.folder}/exec-pid`, log: `${this.folder}/log` };
    await this.execute("exec", this.runtime.execCommand({ id: "c", ...files }));
    return Number(Deno.readTextFileSync(files.pidFile));
  }

  read(path: string): string {
    return Deno.readTextFileSync(`${this.base}/${path}`);
  }

  /** What a runtime may have left: its state, and temporary files. */
  get left(): string[] {
    const list = (path: string) => {
      try {
        return [...Deno.readDirSync(path)].map(({ name }) => name);
      } catch {
        return [];
      }
    };
    const temporary = list(this.folder).filter((name) => name.startsWith("oci-"));
    return [...list(this.runtime.identity.root), ...temporary];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime.delete("c", this.options);
    const { left } = this;
    const cgroups = listCgroups(NAME).filter((path) => path.endsWith("/container"));
    await removeCgroups(NAME);
    await this.#holder.closeStdin();
    await this.#holder.result;
    Deno.removeSync(this.base, { recursive: true });
    assert.deepEqual([left, cgroups], [[], []], "left behind");
  }
}

const ended = (pid: number) => {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return true;
  }
};

/** The container's processor time, in nanoseconds. */
const used = (pid: number) => {
  const stats = Cgroups.detect().ofProcess(pid).stats();
  return stats.version === 1 ? stats.metrics.cpu?.usage?.total : stats.metrics.cpu?.usageUsec;
};

const limit = (pid: number) => {
  const stats = Cgroups.detect().ofProcess(pid).stats();
  return stats.version === 1
    ? stats.metrics.memory?.usage?.limit
    : stats.metrics.memory?.usageLimit;
};

const CASES: Record<string, (stage: Stage) => Promise<void>> = {
  "a container's life": async (stage) => {
    const { runtime, options } = stage;
    const pid = await stage.create(config("1.0.2"));
    const cgroup = Cgroups.detect().ofProcess(pid);
    assert.equal(cgroup.path, `/${NAME}/container`);
    await runtime.start("c", options);
    assert.equal(limit(pid), 67108864n);
    await runtime.update("c", '{"memory":{"limit":33554432}}', options);
    assert.equal(limit(pid), 33554432n);
    const other = await stage.exec(["/bin/busybox", "sleep", "60"]);
    assert.deepEqual(Cgroups.detect().ofProcess(other).path, cgroup.path);
    assert.ok(cgroup.processes().includes(other));

    await runtime.pause("c", options);
    const before = used(pid);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(used(pid), before);
    await assert.rejects(stage.exec(["/bin/busybox", "true"]), { kind: "FailedPrecondition" });
    await runtime.resume("c", options);
    await waitFor("the container to go on", () => used(pid) !== before);

    await runtime.kill("c", 15, options);
    await waitFor("init to end", () => ended(pid));
    await waitFor("the other one to end", () => ended(other));
    await assert.rejects(runtime.kill("c", 15, options), { kind: "NotFound" });
    await assert.rejects(stage.exec(["/bin/busybox", "true"]), { kind: "FailedPrecondition" });
    await runtime.delete("c", options);
    await runtime.delete("c", options);
  },

  "delete() ends what runs, paused or not yet started": async (stage) => {
    const { runtime, options } = stage;
    const created = await stage.create(config("1.0.2"));
    await runtime.delete("c", options);
    assert.ok(ended(created));
    const running = await stage.create(config("1.0.2"));
    await runtime.start("c", options);
    await runtime.kill("c", 9, { ...options, all: true });
    await waitFor("init to end", () => ended(running));
    await runtime.delete("c", options);
    const paused = await stage.create(config("1.0.2"));
    await runtime.start("c", options);
    await runtime.pause("c", options);
    await runtime.delete("c", options);
    await waitFor("init to end", () => ended(paused));
  },

  "forget() makes room for another one of the same id": async (stage) => {
    const { runtime, options } = stage;
    const pid = await stage.create(config("1.0.2"));
    await assert.rejects(stage.create(config("1.0.2")), { kind: "AlreadyExists" });
    const cgroup = Cgroups.detect().ofProcess(pid);
    await cgroup.kill((pid) => Deno.kill(pid, "SIGKILL"));
    await cgroup.remove();
    runtime.forget("c");
    assert.deepEqual(stage.left, []);
    await stage.create(config("1.0.2"));
    await runtime.start("c", options);
  },

  "errors have their kinds": async (stage) => {
    const { runtime, options } = stage;
    Deno.writeTextFileSync(`${stage.bundle}/rootfs/plain`, "", { mode: 0o644 });
    const unknown = { kind: "NotFound" };
    await assert.rejects(runtime.start("c", options), unknown);
    await assert.rejects(runtime.pause("c", options), unknown);
    await assert.rejects(runtime.kill("c", 9, options), unknown);
    await assert.rejects(runtime.update("c", "{}", options), unknown);
    const create = (arg: string) => stage.create(config("1.0.2", { args: [arg] }));
    await assert.rejects(create("/bin/absent"), { kind: "NotFound", message: /\/bin\/absent/ });
    await assert.rejects(create("absent"), { kind: "NotFound", message: /absent/ });
    await assert.rejects(create("/plain"), { kind: "PermissionDenied" });
    await assert.rejects(create("/bin"), { kind: "PermissionDenied" });
    await stage.create(config("1.0.2"));
    await runtime.start("c", options);
    await assert.rejects(runtime.start("c", options), { kind: "FailedPrecondition" });
    await assert.rejects(stage.exec(["/bin/absent"]), {
      kind: "NotFound",
      message: /\/bin\/absent/,
    });
    await assert.rejects(stage.exec(["absent"]), { kind: "NotFound", message: /absent/ });
    await assert.rejects(stage.exec(["/plain"]), { kind: "PermissionDenied" });
    await assert.rejects(stage.exec(["/bin/busybox"], { cwd: "/absent" }), { message: /\/absent/ });
    await assert.rejects(runtime.update("c", '{"cpu":{"cpus":"999"}}', options), {
      kind: "InvalidArgument",
    });
  },

  "a config.json of version 1.2, as configFor() makes it": async (stage) => {
    const { runtime, options } = stage;
    const spec = config("1.2.0");
    const copy = configFor(`/usr/bin/${stage.name}`, JSON.stringify(spec)) ?? undefined;
    if (copy) await assert.rejects(stage.create(spec), { message: /unknown version specified/ });
    const pid = await stage.create(spec, copy);
    // The copy is needed no longer.
    await must(["rm", "-f", `${stage.folder}/config.json`]);
    await runtime.start("c", options);
    const other = await stage.exec(["/bin/busybox", "sleep", "60"]);
    assert.ok(!ended(other));
    await runtime.update("c", '{"memory":{"limit":33554432}}', options);
    assert.equal(limit(pid), 33554432n);
    await runtime.delete("c", options);
    await waitFor("both to end", () => ended(pid) && ended(other));
  },
};

for (const name of ["crun", "runc"]) {
  for (const [title, body] of Object.entries(CASES)) {
    Deno.test(`${name}: ${title}`, async () => {
      await using stage = await Stage.start(name);
      await body(stage);
    });
  }
}
