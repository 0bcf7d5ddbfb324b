/** Taking over what a supervisor that was killed has left running. */

import { ShimError } from "../errdefs/mod.ts";
import { NO_LIMITS, outline, parseSpec } from "../oci/mod.ts";
import { OciRuntime } from "../runc/mod.ts";
import type { Streams } from "../stdio/mod.ts";
import { readExitFile } from "./clean.ts";
import type { Container, Workshop } from "./container.ts";
import { identify } from "./identity.ts";
import { type Exit, type Lines, Monitor } from "./monitor.ts";
import { OciContainer } from "./oci.ts";
import type { Launched } from "./process.ts";
import { readTaskState, type TaskState } from "./state_file.ts";
import { type Observer, Task } from "./task.ts";
import { WasmContainer } from "./wasm.ts";
import { namesIn } from "../linux/folder.ts";

/** How long monitors may take to connect: they try every 200 ms. */
const TIMEOUT_MS = 2000;
const POLL_MS = 20;

/**
 * The containers of the group's earlier supervisor: those that run, whose monitors connect, and those that have ended
 * since. What was not started its monitor ends, as it does execs. Connections must be served from the next tick on.
 */
export async function adoptTasks(workshop: Workshop, observer: Observer): Promise<Task[]> {
  const tasks = await Promise.all(
    namesIn(workshop.tasks).map((id) =>
      // One that cannot be taken over is for containerd to delete: the others go on.
      adoptTask(workshop, observer, id).catch((error) => {
        workshop.log.warn("task not adopted", { id, error: ShimError.from(error).message });
        return [];
      })
    ),
  );
  return tasks.flat();
}

async function adoptTask(workshop: Workshop, observer: Observer, id: string): Promise<Task[]> {
  const folder = `${workshop.tasks}/${id}`;
  const state = readTaskState(folder);
  if (!state?.init || state.control !== workshop.control) return [];
  const launched = await findProcess(workshop, id, folder, state.init.pid);
  if (!launched) return [];
  const container = containerOf(workshop, id, folder, state, launched);
  const task = new Task(container, state.paths, launched, observer);
  task.adopt(state);
  workshop.log.info("task adopted", { id, pid: task.pid });
  return [task];
}

/** The monitor has them. */
const streams: Streams = {
  ...{ stdin: "", stdout: "", stderr: "", terminal: false, logs: [] },
  held() {},
  close: () => Promise.resolve(),
};

/** Init, by its monitor or by what that has written; null when neither comes. */
async function findProcess(
  { monitors }: Workshop,
  id: string,
  folder: string,
  pid: number,
): Promise<Launched | null> {
  using expected = monitors.expect(id, new AbortController().signal);
  let monitor: Monitor | undefined;
  expected.monitor.then((found) => monitor = found, () => {});
  for (const deadline = Date.now() + TIMEOUT_MS; !monitor && Date.now() < deadline;) {
    const exit = readExitFile(folder);
    if (exit) return { pid, startTime: "", monitor: new Monitor(recorded(exit)), streams };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return monitor ? { ...identify(pid), monitor, streams } : null;
}

/** What the monitor of a process that has ended would say. */
function recorded({ code, at }: Exit): Lines {
  const lines = [`exit ${code} ${at.seconds} ${at.nanos}`];
  return {
    read: () => Promise.resolve(lines.shift() ?? null),
    write: () => Promise.resolve(),
    [Symbol.dispose]() {},
  };
}

function containerOf(
  workshop: Workshop,
  id: string,
  folder: string,
  { bundle, runtime, cgroup, limits, layer }: TaskState,
  launched: Launched,
): Container {
  const text = Deno.readTextFileSync(`${bundle}/config.json`);
  const group = workshop.cgroups.at(cgroup ?? "");
  if (!runtime) {
    const spec = parseSpec(text);
    return new WasmContainer(
      ...[workshop, id, bundle, folder, spec, limits ?? NO_LIMITS, group, launched, layer] as const,
    );
  }
  const { ownPidNamespace } = outline(text);
  const driver = new OciRuntime(runtime);
  return new OciContainer(workshop, id, bundle, folder, driver, group, ownPidNamespace);
}
