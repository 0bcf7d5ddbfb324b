/** What containers are made with, where everything privileged is a folder of the test's. */

import { type Cgroup, Cgroups } from "../../cgroups/mod.ts";
import type { SupervisorNative } from "../../linux/native.ts";
import type { Logger } from "../../log/mod.ts";
import type { Workshop } from "../container.ts";
import { Monitors } from "../monitors.ts";
import { createTaskState, type TaskState } from "../state_file.ts";
import type { Zygotes } from "../zygotes.ts";
import { NO_STDIO } from "./process.ts";
import { hastenTimers } from "./timers.ts";

/** Every process is in the cgroup "/web". */
class TestCgroups extends Cgroups {
  override ofProcess(): Cgroup {
    return this.at("/web");
  }
}

export class TestWorkshop implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "denowasi-workshop-" });
  readonly bundle = `${this.path}/bundle`;
  readonly tasks = `${this.path}/tasks`;
  readonly monitors = new Monitors();
  readonly logged: string[] = [];
  readonly unmounted: string[] = [];
  readonly workshop: Workshop;

  constructor() {
    for (const folder of [`${this.bundle}/rootfs`, `${this.path}/cgroups`, `${this.path}/bin`]) {
      Deno.mkdirSync(folder, { recursive: true });
    }
    const hierarchies = [{ controllers: [], root: `${this.path}/cgroups` }];
    this.workshop = {
      namespace: "default",
      native: this.#native(),
      zygotes: { expect: () => true, start() {}, hasCompiled: () => false } as unknown as Zygotes,
      seccomp: {} as Workshop["seccomp"],
      cgroups: new TestCgroups({ version: 2, hierarchies }),
      host: { apparmor: "", selinux: false } as Workshop["host"],
      monitors: this.monitors,
      launcher: `${this.path}/launcher`,
      containerd: `${this.path}/containerd.sock`,
      maker: { engine: "deno", version: "0" },
      control: `${this.path}/control.sock`,
      tasks: this.tasks,
      path: `${this.path}/bin:/usr/bin:/bin`,
      log: this.#log(),
    };
    // Tells its arguments, a line each, and its pid.
    this.script("launcher", `printf '%s\\n' "$@" > args.new; echo $$ > pid; mv args.new args`);
  }

  /** Make `name` a shell script that begins in the workshop's folder; a launcher then waits for its end. */
  script(name: string, text: string): void {
    const wait = name === "launcher" ? "exec sleep 60" : "";
    const path = `${this.path}/${name}`;
    Deno.writeTextFileSync(path, `#!/bin/sh\ncd "${this.path}"\n${text}\n${wait}\n`);
    Deno.chmodSync(path, 0o755);
  }

  /** Write the bundle's config.json. */
  config(args: string[], change: object = {}): void {
    const document = {
      ociVersion: "1.2.0",
      process: { args, cwd: "/" },
      root: { path: "rootfs" },
      linux: { namespaces: [{ type: "pid" }] },
      ...change,
    };
    Deno.writeTextFileSync(`${this.bundle}/config.json`, JSON.stringify(document));
  }

  /** What an earlier supervisor has written of the container `id`. @returns its folder */
  state(id: string, change: Partial<TaskState>): string {
    createTaskState(`${this.tasks}/${id}`, {
      bundle: this.bundle,
      control: this.workshop.control,
      paths: NO_STDIO,
      rootfs: null,
      cgroup: null,
      limits: null,
      runtime: null,
      init: null,
      paused: false,
      ...change,
    });
    return `${this.tasks}/${id}`;
  }

  /** The lines of the file `name`, when a script has written it; which is removed. */
  async lines(name: string): Promise<string[]> {
    const path = `${this.path}/${name}`;
    while (!exists(path)) await new Promise((resolve) => setTimeout(resolve, 1));
    const text = Deno.readTextFileSync(path);
    Deno.removeSync(path);
    return text.split("\n").slice(0, -1);
  }

  /** End the launcher that has last told its arguments, and let what waits for that happen. */
  async endLauncher(): Promise<void> {
    const [pid] = await this.lines("pid");
    using _ = hastenTimers();
    Deno.kill(Number(pid), "SIGKILL");
    while (exists(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  #native(): SupervisorNative {
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, -1));
    const native = {
      dw_read_in_root: (root: Uint8Array, path: Uint8Array, buffer: Uint8Array): bigint => {
        const file = `${text(root)}${text(path)}`;
        if (!exists(file)) return -2n;
        const bytes = Deno.readFileSync(file).subarray(0, buffer.length);
        buffer.set(bytes);
        return BigInt(bytes.length);
      },
      dw_mount: () => 0,
      dw_unmount_all: (target: Uint8Array) => {
        this.unmounted.push(text(target));
        return 0;
      },
    };
    return native as unknown as SupervisorNative;
  }

  #log(): Logger {
    const log = (message: string) => void this.logged.push(message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log, with: () => logger };
    return logger;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (exists(`${this.path}/pid`)) await this.endLauncher();
    Deno.removeSync(this.path, { recursive: true });
  }
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
