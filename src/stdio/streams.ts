/** A process's standard streams, made ready for it to open. */

import { ShimError } from "../errdefs/mod.ts";
import { type LoggerOptions, startLogger } from "./logger.ts";
import type { StreamPaths, StreamsPlan } from "./plan.ts";

export interface Streams extends StreamPaths {
  /** The process's monitor holds them now, or the process has them open. */
  held(): void;
  /** The process has ended, and its monitor: wait for the logger's end, and remove what was made. */
  close(): Promise<void>;
}

/**
 * Make what `plan` needs: logs with their folders, and a logger.
 * @throws ShimError NotFound: a path that is not there; Unavailable: the logger does not get ready. Nothing runs then.
 */
export async function openStreams(plan: StreamsPlan, options: LoggerOptions): Promise<Streams> {
  for (const path of plan.logs) makeLog(path);
  const { stdin, stdout, stderr, terminal, logs } = plan;
  demand({ stdin, stdout, stderr });
  if (!plan.logger) {
    return { stdin, stdout, stderr, terminal, logs, held() {}, close: () => Promise.resolve() };
  }
  const logger = await startLogger(plan.logger, options);
  return {
    stdin,
    stdout: logger.stdout,
    stderr: terminal ? "" : logger.stderr,
    terminal,
    logs,
    held: logger.held,
    close: logger.close,
  };
}

function makeLog(path: string): void {
  const folder = path.slice(0, path.lastIndexOf("/")) || "/";
  try {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.openSync(path, { append: true, create: true, mode: 0o644 }).close();
  } catch (cause) {
    throw streamError(`make the log ${path}`, cause);
  }
}

/** Every path must lead to something: containerd makes its FIFOs before it asks for a process. */
function demand(paths: Record<string, string>): void {
  for (const [name, path] of Object.entries(paths)) {
    if (path === "") continue;
    try {
      Deno.statSync(path);
    } catch (cause) {
      throw streamError(`open ${name}: ${JSON.stringify(path)}`, cause);
    }
  }
}

function streamError(action: string, cause: unknown): ShimError {
  const { kind, message } = ShimError.from(cause);
  const reason = kind === "NotFound" ? "not there" : message;
  return new ShimError(kind, `${action}: ${reason}`, { cause });
}
