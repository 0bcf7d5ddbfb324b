/**
 * The Task service of containerd's runtime v2: decode, ask the supervisor, encode.
 * https://github.com/containerd/containerd/blob/main/docs/runtime-v2.md
 *
 * The v2 and v3 services differ in name alone.
 */

import { ShimError } from "../errdefs/mod.ts";
import { Status as WireStatus, task as taskV2, TaskV3, ZERO_TIMESTAMP } from "../proto/mod.ts";
import { implement, type Methods, type Service } from "../ttrpc/mod.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { Process } from "../supervisor/process.ts";
import type { Status } from "../supervisor/task.ts";
import { timestamp } from "./events.ts";
import { encodeStats } from "./stats.ts";

const STATUS: Record<Status, WireStatus> = {
  created: WireStatus.CREATED,
  running: WireStatus.RUNNING,
  paused: WireStatus.PAUSED,
  stopped: WireStatus.STOPPED,
};

/** The services of `supervisor`. `shutDown` is called when containerd asks and no task is left. */
export function taskServices(supervisor: Supervisor, shutDown: () => void): Service[] {
  const methods = taskMethods(supervisor, shutDown);
  return [implement(taskV2.Task, methods), implement(TaskV3, methods)];
}

function taskMethods(supervisor: Supervisor, shutDown: () => void): Methods<typeof taskV2.Task> {
  return {
    async Create(request, { signal }) {
      const { id, bundle, rootfs, checkpoint, options } = request;
      const { stdin, stdout, stderr, terminal } = request;
      const paths = { stdin, stdout, stderr, terminal };
      const task = await supervisor.create(
        { id, bundle, rootfs, paths, checkpoint, options },
        signal,
      );
      return { pid: task.pid };
    },

    async Start({ id, execId }, { signal }) {
      const task = supervisor.get(id);
      if (execId) return { pid: await task.startExec(execId, signal) };
      await task.start(signal);
      return { pid: task.pid };
    },

    Exec({ id, execId, spec, stdin, stdout, stderr, terminal }) {
      supervisor.get(id).addExec({
        execId,
        paths: { stdin, stdout, stderr, terminal },
        spec: new TextDecoder().decode(spec?.value),
      });
      return {};
    },

    State({ id, execId }) {
      const task = supervisor.get(id);
      const process = task.process(execId);
      const { pid, paths, exit } = process;
      return {
        id: task.id,
        bundle: task.container.bundle,
        pid,
        status: STATUS[task.statusOf(process)],
        ...paths,
        exitStatus: exit?.code ?? 0,
        exitedAt: exit ? timestamp(exit) : ZERO_TIMESTAMP,
        execId,
      };
    },

    async Wait({ id, execId }) {
      const exit = await supervisor.get(id).process(execId).exited;
      return { exitStatus: exit.code, exitedAt: timestamp(exit) };
    },

    async Kill({ id, execId, signal, all }) {
      const task = supervisor.get(id);
      await (execId ? task.process(execId).kill(signal) : task.kill(signal, all));
      return {};
    },

    async Delete({ id, execId }) {
      const task = supervisor.get(id);
      const { pid, exit } = execId
        ? await supervisor.deleteExec(task, execId)
        : { pid: task.pid, exit: await supervisor.delete(task) };
      return { pid, exitStatus: exit.code, exitedAt: timestamp(exit) };
    },

    async Pause({ id }) {
      await supervisor.setPaused(supervisor.get(id), true);
      return {};
    },

    async Resume({ id }) {
      await supervisor.setPaused(supervisor.get(id), false);
      return {};
    },

    async Update({ id, resources }) {
      await supervisor.get(id).update(new TextDecoder().decode(resources?.value));
      return {};
    },

    Checkpoint({ id }) {
      throw new ShimError("Unimplemented", `checkpoint task ${id}: not supported`);
    },

    async Pids({ id }) {
      const task = supervisor.get(id);
      return { processes: await describeProcesses(task.processes(), task.execs) };
    },

    async ResizePty({ id, execId, width, height }) {
      await supervisor.get(id).process(execId).resize(width, height);
      return {};
    },

    async CloseIO({ id, execId, stdin }) {
      const process = supervisor.get(id).process(execId);
      if (stdin) await process.closeStdin();
      return {};
    },

    async Stats({ id }) {
      return { stats: await encodeStats(supervisor.get(id).container.cgroup.stats()) };
    },

    /** Also before there is a task, which has no pid then: as runc's shim has it. */
    Connect({ id }) {
      return { shimPid: Deno.pid, taskPid: supervisor.find(id)?.pid ?? 0, version: "v2" };
    },

    Shutdown() {
      shutDown();
      return {};
    },
  };
}

/** Each with the id of the exec that it is, where it is one. */
async function describeProcesses(pids: number[], execs: ReadonlyMap<string, Process>) {
  if (execs.size === 0) return pids.map((pid) => ({ pid }));
  const { ProcessDetails } = await import("../proto/runc_options.ts");
  const ids = new Map([...execs].map(([id, { pid }]) => [pid, id]));
  return pids.map((pid) => {
    const execId = ids.get(pid);
    const info = execId === undefined
      ? undefined
      : { typeUrl: ProcessDetails.name, value: ProcessDetails.encode({ execId }) };
    return { pid, info };
  });
}
