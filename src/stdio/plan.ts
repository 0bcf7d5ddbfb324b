/** Where a process's standard streams lead, decided without looking. */

import type { Op } from "../linux/plan.ts";
import { type LoggerPlan, planLogger } from "./logger_plan.ts";
import { absolute, invalid, scheme, uriPath } from "./uri.ts";

/** As task Create and Exec bring them: paths of FIFOs or files, URIs, or empty for none. */
export interface StdioPaths {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

/** Host paths to open; empty: none. With a terminal, what is copied to and from it, and no stderr. */
export interface StreamPaths {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  /** Those that are logs, made when they are not there: the others must be. */
  logs: readonly string[];
}

export interface StreamsPlan extends StreamPaths {
  /** What reads stdout and stderr, whose paths are empty here; null: nobody. */
  logger: LoggerPlan | null;
}

/** Flags of open(2), the same on x86-64 and arm64. */
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_APPEND = 0o2000;

const LOG_MODE = 0o644;

const NULL = "/dev/null";

/**
 * The streams of a process of `container`:
 *
 * - a path, or `fifo://PATH`: a FIFO that containerd has made, or any file that is there;
 * - `file://PATH` (stdout, stderr): a log to append to, made when it is not there, with its folders;
 * - `binary://PATH?KEY=VALUE&...` (stdout, and the same or nothing as stderr): a logger that reads both;
 * - empty: none.
 *
 * @throws ShimError InvalidArgument: another URI, or a relative path.
 */
export function planStreams(
  paths: StdioPaths,
  container: { namespace: string; id: string },
): StreamsPlan {
  const { terminal } = paths;
  const stderr = terminal ? "" : paths.stderr;
  const stdin = inputPath(paths.stdin);
  if (scheme(paths.stdout) === "binary") {
    if (stderr !== "" && stderr !== paths.stdout) {
      throw invalid("stderr", stderr, "not the logger that is stdout");
    }
    const logger = planLogger(paths.stdout, container);
    return { stdin, stdout: "", stderr: "", terminal, logs: [], logger };
  }
  const outputs = [outputPath("stdout", paths.stdout), outputPath("stderr", stderr)];
  return {
    stdin,
    stdout: outputs[0].path,
    stderr: outputs[1].path,
    terminal,
    logs: outputs.filter(({ isLog }) => isLog).map(({ path }) => path),
    logger: null,
  };
}

/** What a Wasm process opens as descriptors 0 to 2; with a terminal, nothing. */
export function streamOps({ stdin, stdout, stderr, terminal, logs }: StreamPaths): Op[] {
  if (terminal) return [];
  const open = (path: string, flags: number, fd: number): Op => {
    return { op: "open", path: path || NULL, flags, mode: LOG_MODE, fd };
  };
  const output = (path: string, fd: number) => {
    if (path === "") return open(path, O_WRONLY, fd);
    return open(path, O_WRONLY | O_APPEND | (logs.includes(path) ? O_CREAT : 0), fd);
  };
  return [open(stdin, O_RDONLY, 0), output(stdout, 1), output(stderr, 2)];
}

/** The monitor's arguments: see "launcher monitor" in docs/architecture.md. */
export function monitorStreams({ stdin, stdout, stderr, terminal }: StreamPaths): string[] {
  const argument = (name: string, value: string) => value === "" ? [] : [name, value];
  return [
    ...argument("--stdin", stdin),
    ...argument("--stdout", stdout),
    ...argument("--stderr", stderr),
    ...argument("--terminal", terminal ? "1" : ""),
  ];
}

function inputPath(value: string): string {
  if (value === "") return "";
  switch (scheme(value)) {
    case undefined:
      return absolute("stdin", value);
    case "fifo":
      return uriPath("stdin", value);
    default:
      throw invalid("stdin", value, "not a scheme for stdin");
  }
}

function outputPath(name: string, value: string): { path: string; isLog: boolean } {
  if (value === "") return { path: "", isLog: false };
  switch (scheme(value)) {
    case undefined:
      return { path: absolute(name, value), isLog: false };
    case "fifo":
      return { path: uriPath(name, value), isLog: false };
    case "file":
      return { path: uriPath(name, value), isLog: true };
    default:
      throw invalid(name, value, `not a scheme for ${name}`);
  }
}
