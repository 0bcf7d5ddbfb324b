/** Containers of native programs: an OCI runtime makes and keeps them, as crun, runc or youki does. */

import type { Cgroup } from "../cgroups/mod.ts";
import { ShimError } from "../errdefs/mod.ts";
import { type Outline, parseProcessOutline } from "../oci/mod.ts";
import {
  configFor,
  failure,
  findRuntime,
  OciRuntime,
  parseRuntimeOptions,
  readLog,
} from "../runc/mod.ts";
import type { Streams } from "../stdio/mod.ts";
import {
  type Container,
  execFolder,
  type ExecRequest,
  type Launch,
  type Making,
  monitorFlags,
  openProcessStreams,
  type Workshop,
} from "./container.ts";
import { identify } from "./identity.ts";
import { RuntimeRefusal, SIGKILL } from "./monitor.ts";
import { processKey, untilReady } from "./monitors.ts";
import { RUN_FOLDER } from "./places.ts";
import type { Launched } from "./process.ts";

export class OciContainer implements Container {
  /** @param folder of its state */
  constructor(
    readonly workshop: Workshop,
    readonly id: string,
    readonly bundle: string,
    readonly folder: string,
    readonly runtime: OciRuntime,
    readonly cgroup: Cgroup,
    readonly ownPidNamespace: boolean,
  ) {}

  start(signal: AbortSignal): Promise<void> {
    return this.runtime.start(this.id, { folder: this.folder, signal });
  }

  prepareExec({ execId, paths, spec }: ExecRequest): Launch {
    const { workshop, id, runtime } = this;
    parseProcessOutline(spec);
    return async (signal) => {
      const folder = execFolder(this.folder, execId);
      Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      const processFile = `${folder}/process.json`;
      Deno.writeTextFileSync(processFile, spec, { mode: 0o600 });
      const streams = await openProcessStreams(workshop, { id, folder, paths });
      return await runMonitor(workshop, {
        key: processKey(id, execId),
        folder,
        streams,
        terminal: paths.terminal,
        verb: "exec",
        command: (files) => runtime.execCommand({ id, processFile, ...files }),
        signal,
      });
    };
  }

  pause(): Promise<void> {
    return this.runtime.pause(this.id, { folder: this.folder });
  }

  resume(): Promise<void> {
    return this.runtime.resume(this.id, { folder: this.folder });
  }

  update(resources: string): Promise<void> {
    return this.runtime.update(this.id, resources, { folder: this.folder });
  }

  signalAll(signal: number): Promise<void> {
    return this.runtime.kill(this.id, signal, { all: true, folder: this.folder });
  }
}

/** Make the container: its init waits. What was made is undone by the state's removal. */
export async function createOci(
  making: Making,
  outline: Outline,
): Promise<{ container: OciContainer; launched: Launched }> {
  const { workshop, request, folder } = making;
  const { id, bundle, paths } = request;
  const options = await parseRuntimeOptions(request.options);
  const runtime = new OciRuntime({
    binary: findRuntime(options, workshop.path),
    root: `${options.root || `${RUN_FOLDER}/runc`}/${workshop.namespace}`, // as runc's shim has it
    systemdCgroup: options.systemdCgroup,
  });
  making.save({ runtime: runtime.identity });
  const { noPivotRoot, noNewKeyring } = options;
  const copy = configFor(runtime.identity.binary, making.config);
  const config = copy === null ? undefined : `${folder}/config.json`;
  if (config && copy) Deno.writeTextFileSync(config, copy, { mode: 0o600 });
  const launched = await runMonitor(workshop, {
    key: processKey(id),
    folder,
    streams: await openProcessStreams(workshop, { id, folder, paths }),
    terminal: paths.terminal,
    verb: "create",
    command: (files) =>
      runtime.createCommand({ id, bundle, config, noPivotRoot, noNewKeyring, ...files }),
    signal: making.signal,
  });
  const cgroup = workshop.cgroups.ofProcess(launched.pid);
  making.save({ cgroup: cgroup.path });
  const { ownPidNamespace } = outline;
  const container = new OciContainer(
    workshop,
    id,
    bundle,
    folder,
    runtime,
    cgroup,
    ownPidNamespace,
  );
  return { container, launched };
}

/** Files of one command of the runtime. */
interface CommandFiles {
  pidFile: string;
  log: string;
  console?: string;
}

interface Run {
  key: string;
  folder: string;
  streams: Streams;
  terminal: boolean;
  /** The runtime's sub-command, and all of the command. */
  verb: "create" | "exec";
  command: (files: CommandFiles) => string[];
  signal: AbortSignal;
}

/** How long after the end of a monitor its connection may come. */
const GRACE_MS = 1000;

/** How many terminals were asked for: for a socket's name that is short, unix(7). */
let consoles = 0;

/** Spawn a monitor that runs the runtime's command, and wait for the process; nothing is left without one. */
async function runMonitor(workshop: Workshop, run: Run): Promise<Launched> {
  const { key, folder, streams, signal } = run;
  const files: CommandFiles = { pidFile: `${folder}/pid`, log: `${folder}/log.json` };
  if (run.terminal) files.console = `${workshop.control}.console${consoles++}`;
  await using undo = new AsyncDisposableStack();
  undo.defer(() => streams.close());
  using expected = workshop.monitors.expect(key, signal);
  const child = new Deno.Command(workshop.launcher, {
    args: [
      "monitor",
      ...monitorFlags(workshop, key, folder, streams),
      ...["--pid-file", files.pidFile],
      ...files.console ? ["--console", files.console] : [],
      "--",
      ...run.command(files),
    ],
    clearEnv: true,
    env: { PATH: workshop.path },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  child.unref(); // it outlives this process
  child.status.then(({ code }) => {
    const ended = new ShimError("Internal", `set up ${key}: its monitor ended with ${code}`);
    // One that has done all its work may end before its connection is looked at.
    Deno.unrefTimer(setTimeout(() => expected.fail(ended), GRACE_MS));
  });
  const monitor = await expected.monitor;
  undo.defer(async () => {
    await monitor.kill(SIGKILL);
    await monitor.exited;
  });
  try {
    const pid = await untilReady(monitor, key, signal);
    streams.held();
    undo.move();
    return { ...identify(pid), monitor, streams };
  } catch (error) {
    if (error instanceof RuntimeRefusal) {
      throw failure(readLog(files.log), "", run.verb, error.code);
    }
    throw error;
  } finally {
    removeFile(files.log);
    removeFile(files.pidFile);
  }
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
