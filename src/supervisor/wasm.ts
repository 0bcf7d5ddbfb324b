/** Wasm containers: the zygote forks their processes, and the kernel is asked directly for the rest. */

import type { Cgroup } from "../cgroups/mod.ts";
import { httpSettings } from "../engine/http/settings.ts";
import { containerPreopens } from "../engine/preopens.ts";
import { ShimError } from "../errdefs/mod.ts";
import type { LinuxSeccomp, SeccompFilter } from "../linux/seccomp.ts";
import type { Op, SandboxPlan } from "../linux/plan.ts";
import {
  entrypoint,
  execPlan,
  isSameProgram,
  limitCpu,
  type Limits,
  listenerDescriptors,
  parseListeners,
  parseProcessText,
  parseResourcesText,
  parseSpec,
  type Process as ProcessSpec,
  program,
  sandboxPlan,
  SERVED_LOCK,
  servedSeccomp,
  type Spec,
  wasmSeccomp,
} from "../oci/mod.ts";
import { parseRuntimeOptions } from "../runc/mod.ts";
import { type StdioPaths, streamOps } from "../stdio/mod.ts";
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
import { identify, type ProcessIdentity } from "./identity.ts";
import { layerModule, type WasmModule } from "./module.ts";
import { SIGKILL } from "./monitor.ts";
import { processKey, untilReady } from "./monitors.ts";
import type { Launched, Process } from "./process.ts";
import { findFile, findWasm } from "./workload.ts";
import type { ServedRequest } from "./zygote.ts";

export class WasmContainer implements Container {
  readonly ownPidNamespace: boolean;

  /**
   * @param folder of its state
   * @param layer path of the layer that it runs, below `folder`; undefined: it runs a file of its root
   */
  constructor(
    readonly workshop: Workshop,
    readonly id: string,
    readonly bundle: string,
    readonly folder: string,
    readonly spec: Spec,
    readonly limits: Limits,
    readonly cgroup: Cgroup,
    readonly init: ProcessIdentity,
    readonly layer: string | undefined,
  ) {
    this.ownPidNamespace = spec.linux.namespaces.some(({ kind, path }) => kind === "pid" && !path);
  }

  start(): Promise<void> {
    return Promise.resolve(); // its monitor will be told
  }

  prepareExec({ execId, paths, spec }: ExecRequest): Launch {
    const { workshop, id, init, cgroup } = this;
    const process = limited(parseProcessText(spec), this.limits);
    process.terminal = paths.terminal;
    const find = this.#finder(process);
    return async (signal) => {
      const module = find();
      const folder = execFolder(this.folder, execId);
      Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
      const plan = (stdio: Op[], seccomp: SeccompFilter[]) =>
        execPlan({
          process,
          init,
          stdio,
          cgroup: cgroup.membership,
          seccomp,
          host: workshop.host,
        });
      const { memoryBytes } = this.limits;
      return await forkProcess(workshop, {
        ...{ id, key: processKey(id, execId), folder, module, memoryBytes },
        ...{ process, paths, plan, pod: this.spec.linux.seccomp, signal },
        listeners: [], // they are of init
      });
    };
  }

  /** What finds the module of `process` when it is started. @throws ShimError InvalidArgument: it names none */
  #finder(process: ProcessSpec): () => WasmModule {
    const { folder, layer } = this;
    if (layer !== undefined && isSameProgram(process, this.spec.process)) {
      return () => layerModule(folder, layer, program(process).export);
    }
    const { candidates, export: name } = entrypoint(process);
    // What the container sees, volumes included.
    const root = `/proc/${this.init.pid}/root`;
    return () => {
      const path = findWasm(this.workshop.native, root, candidates);
      return { root, path, digest: "", export: name };
    };
  }

  pause(): Promise<void> {
    return this.cgroup.freeze();
  }

  resume(): Promise<void> {
    return this.cgroup.thaw();
  }

  update(resources: string): Promise<void> {
    for (const field of this.cgroup.update(parseResourcesText(resources))) {
      this.workshop.log.warn("limit not applied", { id: this.id, field });
    }
    return Promise.resolve();
  }

  /** Wasm cannot fork: all are known. */
  async signalAll(signal: number, known: Process[]): Promise<void> {
    await Promise.allSettled(known.map((process) => process.kill(signal)));
  }
}

/** Make the container: its cgroup, and its init, which waits. What was made is undone by the state's removal. */
export async function createWasm(
  making: Making,
  module: WasmModule,
): Promise<{ container: WasmContainer; launched: Launched }> {
  const { workshop, request, rootfs, folder } = making;
  const { id, bundle, paths } = request;
  workshop.zygotes.start(); // boots while this goes on
  const { memoryLimit, cpuDeadline } = await parseRuntimeOptions(request.options);
  const limits: Limits = { memoryBytes: memoryLimit, cpuSeconds: cpuDeadline };
  const spec = parseSpec(making.config);
  spec.process = limited(spec.process, limits);
  spec.process.terminal = paths.terminal;
  const listeners = parseListeners(spec.annotations);
  const cgroup = workshop.cgroups.open(spec.linux.cgroupsPath, {
    namespace: workshop.namespace,
    id,
  });
  const ignored = cgroup.create(spec.linux.resources);
  // Only now: one that was there before is not ours to remove.
  making.save({ cgroup: cgroup.path, limits });
  for (const field of ignored) workshop.log.warn("limit not applied", { id, field });
  const plan = (stdio: Op[], seccomp: SeccompFilter[]) =>
    sandboxPlan({
      spec,
      bundle,
      rootfs,
      stdio,
      cgroup: cgroup.membership,
      seccomp,
      host: workshop.host,
    });
  const launched = await forkProcess(workshop, {
    id,
    key: processKey(id),
    folder,
    module,
    memoryBytes: limits.memoryBytes,
    listeners: listenerDescriptors(listeners),
    process: spec.process,
    paths,
    plan,
    pod: spec.linux.seccomp,
    signal: making.signal,
  });
  const layer = module.root === folder ? module.path : undefined;
  const container = new WasmContainer(
    ...[workshop, id, bundle, folder, spec, limits, cgroup, launched, layer] as const,
  );
  return { container, launched };
}

interface Fork {
  /** The container's. */
  id: string;
  key: string;
  /** For the monitor. */
  folder: string;
  module: WasmModule;
  /** Of each of its memories at most; 0: no limit. */
  memoryBytes: number;
  /** Descriptors that the plan makes. */
  listeners: number[];
  process: ProcessSpec;
  paths: StdioPaths;
  /** `stdio` opens its streams. */
  plan: (stdio: Op[], seccomp: SeccompFilter[]) => SandboxPlan;
  /** The container's own seccomp profile. */
  pod: LinuxSeccomp | undefined;
  signal: AbortSignal;
}

/** Fork the zygote, and wait until the process has set itself up; nothing is left of one that could not. */
async function forkProcess(workshop: Workshop, fork: Fork): Promise<Launched> {
  const { id, key, folder, module, process, paths, signal } = fork;
  const { args, env, cwd } = process;
  await using undo = new AsyncDisposableStack();
  const streams = await openProcessStreams(workshop, { id, folder, paths });
  undo.defer(() => streams.close());
  const stdio = streamOps(streams);
  const plan = fork.plan(stdio, filters(workshop, wasmSeccomp(fork.pod, { sockets: true })));
  using expected = workshop.monitors.expect(key, signal);
  await workshop.zygotes.fork({
    key,
    root: module.root,
    module: module.path,
    digest: module.digest,
    memoryLimit: fork.memoryBytes,
    plan,
    guest: {
      ...{ args, env, cwd, export: module.export },
      ...{ preopens: containerPreopens(cwd), listeners: fork.listeners },
    },
    monitor: monitorFlags(workshop, key, folder, streams),
    served: servedRequest(workshop, fork, stdio),
  });
  const monitor = await expected.monitor;
  undo.defer(async () => {
    await monitor.kill(SIGKILL);
    await monitor.exited;
  });
  const pid = await untilReady(monitor, key, signal);
  streams.held();
  undo.move();
  return { ...identify(pid), monitor, streams };
}

function limited(process: ProcessSpec, limits: Limits): ProcessSpec {
  return { ...process, rlimits: limitCpu(process.rlimits, limits) };
}

/** A component may be one that is served; which it is, the zygote finds. */
function servedRequest(workshop: Workshop, fork: Fork, stdio: Op[]): ServedRequest | undefined {
  const { native, seccomp } = workshop;
  if (findFile(native, fork.module.root, [fork.module.path])?.kind !== "component") {
    return undefined;
  }
  return {
    init: fork.plan(stdio, filters(workshop, servedSeccomp(fork.pod))).init,
    lock: seccomp.compile(SERVED_LOCK).filter,
    refusal: refusal(fork.process),
  };
}

/** What is wrong with the environment of a program that is served. The zygote must not see more of it. */
function refusal({ env }: ProcessSpec): string {
  try {
    httpSettings(env);
    return "";
  } catch (error) {
    return ShimError.from(error).message;
  }
}

function filters({ seccomp }: Workshop, profiles: LinuxSeccomp[]): SeccompFilter[] {
  return profiles.map((profile) => seccomp.compile(profile));
}
