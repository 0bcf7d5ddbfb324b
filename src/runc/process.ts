/** Running a command that must end soon, whatever it is. */

/** How much of what it prints is kept: the end. */
const MAX_OUTPUT_BYTES = 16 << 10;
/** How long its output may outlast it, and it its SIGKILL. */
const GRACE_MS = 500;

export interface RunOptions {
  /** Its PATH, and its only variable. */
  path: string;
  timeoutMs: number;
  /** Ends it, too. */
  signal?: AbortSignal;
}

export interface Outcome {
  /** Exit code, or 128 + signal; null: it took too long, and was killed. */
  code: number | null;
  /** The end of what it printed on stderr. */
  output: string;
}

/**
 * Run `argv` without a shell, in a session of its own. What it has begun is killed with it.
 * @throws Deno's error: it cannot be started.
 */
export async function runCommand(argv: readonly string[], options: RunOptions): Promise<Outcome> {
  if (options.signal?.aborted) return { code: null, output: "" };
  const child = new Deno.Command(argv[0], {
    args: argv.slice(1),
    clearEnv: true,
    env: { PATH: options.path },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    detached: true,
  }).spawn();
  const tail = readTail(child.stderr);
  const status = await before(child.status, options.timeoutMs, options.signal);
  if (!status) {
    killGroup(child.pid);
    await before(child.status, GRACE_MS);
  }
  return { code: status?.code ?? null, output: await tail.end() };
}

/** What `promise` comes to; undefined when it is not there in time. */
async function before<T>(
  promise: Promise<T>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const giveUp = () => resolve(undefined);
  const timer = setTimeout(giveUp, timeoutMs);
  signal?.addEventListener("abort", giveUp);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
}

/** No failure when it has just ended. */
function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Reads a stream, so that who writes never waits, and keeps its end. Others may have it open for ever. */
function readTail(stream: ReadableStream<Uint8Array>): { end(): Promise<string> } {
  const reader = stream.getReader();
  let kept = new Uint8Array();
  const done = (async () => {
    for (let read; !(read = await reader.read()).done;) {
      const joined = new Uint8Array(kept.length + read.value.length);
      joined.set(kept);
      joined.set(read.value, kept.length);
      kept = joined.slice(-MAX_OUTPUT_BYTES);
    }
  })();
  return {
    async end() {
      await before(done, GRACE_MS);
      await reader.cancel();
      return new TextDecoder().decode(kept);
    },
  };
}
