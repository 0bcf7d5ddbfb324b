/** Processes that are told from later ones of the same pid. */

/** How long a process may take to end after SIGKILL. */
const END_TIMEOUT_MS = 5000;
const POLL_MS = 5;

export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks since boot. */
  startTime: string;
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

/** The process `pid`, alive or not yet reaped; with an empty start time, which nothing has, when there is none. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTime: processStartTime(pid) ?? "" };
}

export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  return processStartTime(pid) === startTime;
}

/** Kill it, if it is there, and wait until it has gone or `done` says that it is enough. */
export async function endProcess(process: ProcessIdentity, done = () => true): Promise<void> {
  if (isAlive(process)) killProcess(process.pid);
  const deadline = Date.now() + END_TIMEOUT_MS;
  while ((isAlive(process) || !done()) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** SIGKILL. No failure when there is no such process. */
export function killProcess(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
