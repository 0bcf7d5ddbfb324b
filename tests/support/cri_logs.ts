/**
 * Container logs as the CRI wants them:
 * https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 */

import type { Daemon } from "./daemon.ts";

/** One line of a log. */
export interface LogLine {
  /** RFC 3339 with nanoseconds. */
  time: string;
  stream: "stdout" | "stderr";
  /** Whether more of the same line follows in the next. */
  partial: boolean;
  text: string;
}

const LINE =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) (.*)$/s;

/** Parses a whole log. @throws Error when a line is not of the format */
export function parseLog(log: string): LogLine[] {
  return log.split("\n").slice(0, -1).map(parseLine);
}

/** The lines that the container has written to `stream`, put together. */
export function textOf(lines: LogLine[], stream: LogLine["stream"]): string {
  const own = lines.filter((line) => line.stream === stream);
  return own.map(({ text, partial }) => partial ? text : `${text}\n`).join("");
}

function parseLine(line: string): LogLine {
  const match = LINE.exec(line);
  if (!match) throw new Error(`parse log: unexpected line: ${JSON.stringify(line)}`);
  const [, time, stream, tag, text] = match;
  return { time, stream: stream as LogLine["stream"], partial: tag === "P", text };
}

/** Whether containerd still writes the log: it has the file open until it has all. */
export function isOpen(daemon: Daemon, path: string): boolean {
  const containerd = daemon.processes().find(({ comm }) => comm === "containerd");
  const folder = daemon.path(`/proc/${containerd?.pid}/fd`);
  return [...Deno.readDirSync(folder)].some(({ name }) => linkTarget(`${folder}/${name}`) === path);
}

/** Where a symbolic link points; undefined when it is gone meanwhile. */
function linkTarget(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
