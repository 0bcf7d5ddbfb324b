/**
 * `state.json` of a container: what must be cleaned if its supervisor dies. Written before the thing it names is
 * made, by temporary file and rename, so that whatever exists is named.
 */

export interface TaskState {
  bundle: string;
  /** The control socket of the supervisor that made it. */
  control: string;
  /** Folder on which the root is mounted; null when Create brought no mounts. */
  rootfs: string | null;
  /** The path of the container's cgroup, below each hierarchy; null before it is made. */
  cgroup: string | null;
  /** Init and its start time (field 22 of /proc/PID/stat, clock ticks), which tells it from a later process of this pid. */
  init: { pid: number; startTime: string } | null;
}

/** Make the folder and its first state. @throws Deno.errors.AlreadyExists: there is such a container. */
export function createTaskState(folder: string, state: TaskState): void {
  Deno.mkdirSync(folder.slice(0, folder.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  Deno.mkdirSync(folder, { mode: 0o700 });
  writeTaskState(folder, state);
}

export function writeTaskState(folder: string, state: TaskState): void {
  const path = `${folder}/state.json`;
  Deno.writeTextFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
  Deno.renameSync(`${path}.new`, path);
}

/** The state, or null when there is none or it was cut short. */
export function readTaskState(folder: string): TaskState | null {
  try {
    return JSON.parse(Deno.readTextFileSync(`${folder}/state.json`)) as TaskState;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The start time of process `pid`, or null when there is none. See proc_pid_stat(5). */
export function processStartTime(pid: number): string | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name, in parentheses, may hold anything: count fields after it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return null;
  }
}
