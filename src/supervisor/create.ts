/** Makes a Wasm task: every step from the bundle to an init that waits for its start. */

import type { Cgroups } from "../cgroups/mod.ts";
import { ShimError } from "../errdefs/mod.ts";
import type { HostFacts } from "../linux/host.ts";
import type { SupervisorNative } from "../linux/native.ts";
import type { SeccompCompiler, SeccompFilter } from "../linux/seccomp.ts";
import type { Logger } from "../log/mod.ts";
import { entrypoint, parseSpec, sandboxPlan, type Spec, wasmSeccomp } from "../oci/mod.ts";
import { Stdio, type StdioPaths } from "../stdio/mod.ts";
import { cleanTask } from "./clean.ts";
import { type Monitor, SIGKILL } from "./monitor.ts";
import { findModule } from "./module.ts";
import { mountRootfs, type RootfsMount } from "./rootfs.ts";
import { createTaskState, processStartTime, type TaskState, writeTaskState } from "./state_file.ts";
import type { TaskParts } from "./task.ts";
import type { Zygote } from "./zygote.ts";

/** What a Create asks for. */
export interface CreateRequest {
  id: string;
  bundle: string;
  rootfs: RootfsMount[];
  paths: StdioPaths;
  /** Path of a checkpoint to restore; empty: none. */
  checkpoint: string;
}

/** What it takes to make tasks. */
export interface Workshop {
  namespace: string;
  native: SupervisorNative;
  zygote: Zygote;
  seccomp: SeccompCompiler;
  cgroups: Cgroups;
  host: HostFacts;
  /** The group's control socket. */
  control: string;
  log: Logger;
}

/**
 * @param folder the task's state
 * @param expectMonitor answers the monitor that the zygote will fork
 * @throws ShimError what was wrong, of which nothing is left then
 */
export async function createWasmTask(
  workshop: Workshop,
  request: CreateRequest,
  folder: string,
  expectMonitor: () => Promise<Monitor>,
): Promise<TaskParts> {
  const { native, control, namespace } = workshop;
  const { id, bundle, paths } = request;
  if (request.checkpoint) {
    throw new ShimError(
      "Unimplemented",
      `checkpoint: ${request.checkpoint}: restoring is not supported`,
    );
  }
  const state: TaskState = { bundle, control, rootfs: null, cgroup: null, init: null };
  const save = (change: Partial<TaskState>) => writeTaskState(folder, Object.assign(state, change));
  createTaskState(folder, state);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => cleanTask(workshop, folder));

  const spec = parseSpec(Deno.readTextFileSync(`${bundle}/config.json`));
  const rootfs = rootfsFolder(spec, request);
  if (request.rootfs.length > 0) {
    save({ rootfs });
    mountRootfs(native, request.rootfs, rootfs);
  }
  const entry = entrypoint(spec.process);
  const module = findModule(native, rootfs, entry.candidates);
  workshop.zygote.start(); // boots while this goes on

  const stdio = new Stdio(paths);
  undo.defer(() => stdio.close());
  const cgroup = workshop.cgroups.open(spec.linux.cgroupsPath, { namespace, id });
  const ignored = cgroup.create(spec.linux.resources);
  // Only now: one that was there before is not ours to remove.
  save({ cgroup: cgroup.path });
  for (const field of ignored) workshop.log.warn("limit not applied", { id, field });

  const expected = expectMonitor();
  expected.catch(() => {}); // the zygote may refuse first
  await workshop.zygote.fork({
    id,
    rootfs,
    module,
    folder,
    plan: sandboxPlan({
      spec,
      bundle,
      rootfs,
      stdio: stdio.ops,
      cgroup: cgroup.membership,
      seccomp: seccompFilters(workshop.seccomp, spec),
      host: workshop.host,
    }),
    guest: {
      args: spec.process.args,
      env: spec.process.env,
      cwd: spec.process.cwd,
      export: entry.export,
    },
  });
  const monitor = await expected;
  undo.defer(async () => {
    await monitor.kill(SIGKILL);
    await monitor.exited;
  });
  const pid = await monitor.ready;
  save({ init: { pid, startTime: processStartTime(pid) ?? "" } });
  undo.move();
  return { id, bundle, pid, paths, monitor, stdio, cgroup };
}

/** Create's mounts go on the bundle's rootfs; without any, the root is what config.json says. */
function rootfsFolder(spec: Spec, { bundle, rootfs }: CreateRequest): string {
  if (rootfs.length > 0) return `${bundle}/rootfs`;
  const { path } = spec.root;
  return path.startsWith("/") ? path : `${bundle}/${path}`;
}

function seccompFilters(compiler: SeccompCompiler, spec: Spec): SeccompFilter[] {
  return wasmSeccomp(spec.linux.seccomp, { sockets: false }).map((profile) =>
    compiler.compile(profile)
  );
}
