/**
 * The supervisor's process from its answer to its end. What is imported here is loaded while containerd reads the
 * address and connects.
 */

import { Cgroups } from "../cgroups/mod.ts";
import type { Config } from "../config/mod.ts";
import { Publisher } from "../containerd/mod.ts";
import { ShimError } from "../errdefs/mod.ts";
import { hostFacts } from "../linux/host.ts";
import { openSupervisorNative } from "../linux/native.ts";
import { SeccompCompiler } from "../linux/seccomp.ts";
import { configureLog, getLogger, type Logger } from "../log/mod.ts";
import { type AnyOptions, parseRuntimeOptions } from "../runc/mod.ts";
import { serveControl } from "../supervisor/control.ts";
import { type GroupPlaces, tasksFolder } from "../supervisor/places.ts";
import { Monitors } from "../supervisor/monitors.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { Zygotes } from "../supervisor/zygotes.ts";
import { TaskEvents } from "../task/events.ts";
import { taskServices } from "../task/service.ts";
import { Server } from "../ttrpc/mod.ts";
import type { Call } from "./args.ts";

/** How long the last events may take to reach containerd. */
const FLUSH_TIMEOUT_MS = 5000;
const IDLE_CHECK_MS = 1000;

/** What `serve` has prepared. */
export interface Prepared {
  call: Call;
  config: Config;
  /** The runtime's, as `start` has got them. */
  options: AnyOptions | undefined;
  group: string;
  places: GroupPlaces;
  /** Listens on `places.controlSocket`. Closed at the end. */
  control: Deno.Listener;
  /** Listens on `places.taskSocket`. Closed at the end. */
  tasks: Deno.Listener;
  /** Where `tasks` listens, as containerd is told. */
  address: string;
  /** Whether a container belongs to the group, as its bundle's config.json says. */
  hasMember: (bundle: string, id: string) => boolean;
}

/** Supervise until the group is given up. */
export async function supervise(prepared: Prepared): Promise<void> {
  const { call, group } = prepared;
  Deno.chdir("/"); // the bundle, in which it was started, goes with its container
  configureLog({ debug: call.debug, fields: { namespace: call.namespace, group } });
  await new SupervisorProcess(prepared).run();
}

/** The parts of a supervisor, wired. */
class SupervisorProcess {
  readonly #config: Config;
  readonly #options: AnyOptions | undefined;
  readonly #cgroups = Cgroups.detect();
  readonly #log: Logger = getLogger(["denowasi", "supervisor"]);
  readonly #zygotes: Zygotes;
  readonly #publisher: Publisher;
  readonly #supervisor: Supervisor;
  readonly #server: Server;
  readonly #control: Deno.Listener;
  readonly #tasks: Deno.Listener;
  readonly #ended = Promise.withResolvers<void>();
  /** containerd has lost a connection: no Shutdown comes from it any more. */
  #released = false;

  constructor(prepared: Prepared) {
    const { call, config, options, places, control, tasks, address, hasMember } = prepared;
    const { namespace, runtime, engine } = call;
    this.#config = config;
    this.#options = options;
    this.#control = control;
    this.#tasks = tasks;
    this.#zygotes = new Zygotes({ runtime, controlSocket: places.controlSocket, engine });
    if (call.zygote) this.#zygotes.expect();
    this.#publisher = new Publisher({
      address: Deno.env.get("TTRPC_ADDRESS") ?? `${call.address}.ttrpc`,
      namespace,
      log: this.#log,
    });
    this.#supervisor = new Supervisor({
      address,
      hasMember,
      workshop: {
        namespace,
        native: openSupervisorNative(`${runtime}/libdenowasi.so`),
        zygotes: this.#zygotes,
        seccomp: new SeccompCompiler(`${runtime}/lib/libseccomp.so.2`),
        cgroups: this.#cgroups,
        host: hostFacts(),
        monitors: new Monitors(),
        launcher: `${runtime}/launcher`,
        containerd: call.address,
        // The folder is named by a digest of all that is in it.
        maker: { engine, version: runtime.slice(runtime.lastIndexOf("/") + 1).slice(0, 16) },
        control: places.controlSocket,
        tasks: tasksFolder(namespace),
        path: Deno.env.get("PATH") ?? "",
        log: this.#log,
      },
      observer: new TaskEvents(this.#publisher),
      released: () => this.#released = true,
    });
    this.#supervisor.expect(call.id);
    const services = taskServices(this.#supervisor, () => this.#shutDown());
    this.#server = new Server(services, { log: this.#log });
  }

  /** Serve until the group is given up. */
  async run(): Promise<void> {
    this.#log.info("supervisor started", { pid: Deno.pid });
    await this.#enterCgroup();
    const adopted = this.#supervisor.adopt();
    serveControl(this.#control, this.#supervisor);
    await adopted; // who calls before waits
    this.#server.serve(this.#tasks);
    const watch = this.#endWhenIdle();
    await this.#ended.promise;
    clearInterval(watch);
    this.#control.close();
    // The answer to Shutdown is on its way.
    await this.#server.close();
    if (!await this.#publisher.flush(FLUSH_TIMEOUT_MS)) this.#log.warn("events lost at the end");
    this.#publisher.close();
    await this.#zygotes.stop();
    this.#log.info("supervisor ended");
  }

  /** Where the options want the shim. Options that are wrong fail Create, which says so. */
  async #enterCgroup(): Promise<void> {
    if (!this.#options) return;
    try {
      const { shimCgroup } = await parseRuntimeOptions(this.#options);
      if (shimCgroup) this.#cgroups.open(shimCgroup, { namespace: "", id: "" }).enter(Deno.pid);
    } catch (error) {
      this.#log.warn("shim's cgroup not entered", { error: ShimError.from(error).message });
    }
  }

  /** containerd is done with one container: the others of the group go on. */
  #shutDown(): void {
    if (this.#config.grouping === "sandbox" && this.#supervisor.unused) this.#ended.resolve();
  }

  /**
   * Nobody has a task here, expects one or is connected, for as long as the configuration says; or at all, when nobody is
   * to say that this one may end.
   */
  #endWhenIdle(): ReturnType<typeof setInterval> {
    const { grouping, idleSeconds } = this.#config;
    let usedAt = Date.now();
    return setInterval(() => {
      if (!this.#supervisor.unused || this.#server.connectionCount > 0) usedAt = Date.now();
      else if (grouping === "sandbox" && this.#released) this.#ended.resolve();
      else if (Date.now() - usedAt >= idleSeconds * 1000) this.#ended.resolve();
    }, IDLE_CHECK_MS);
  }
}
