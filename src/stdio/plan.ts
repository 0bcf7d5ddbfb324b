/** Where a container's standard streams lead, decided without looking. */

import { ShimError } from "../errdefs/mod.ts";
import type { Op } from "../linux/plan.ts";

/** As task Create brings them: paths of FIFOs or files, URIs, or empty for none. */
export interface StdioPaths {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

export interface StdioPlan {
  /** What init opens as descriptors 0 to 2. */
  ops: Op[];
  /** What the shim must hold open where it is a FIFO. */
  keepers: Keeper[];
  /** Folders that must be there, absolute: those of `file://` logs. */
  folders: string[];
}

export interface Keeper {
  path: string;
  /** Init's descriptor, 0 to 2. */
  fd: number;
}

/** Flags of open(2), the same on x86-64 and arm64. */
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_APPEND = 0o2000;

const NULL = "/dev/null";

/**
 * The streams of a container:
 *
 * - a path, or `fifo://PATH`: a FIFO that containerd has made, or any file that is there;
 * - `file://PATH` (stdout, stderr): a log to append to, made when it is not there, with its folders;
 * - empty: /dev/null.
 *
 * @throws ShimError Unimplemented: a terminal, or a `binary://` logger; InvalidArgument: another URI, or a relative path.
 */
export function stdioPlan(paths: StdioPaths): StdioPlan {
  if (paths.terminal) throw new ShimError("Unimplemented", "terminal: true: not supported");
  const plan: StdioPlan = { ops: [], keepers: [], folders: [] };
  (["stdin", "stdout", "stderr"] as const).forEach((name, fd) => {
    const value = paths[name];
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1].toLowerCase();
    const input = fd === 0;
    const mode = 0o644;
    if (value === "") {
      plan.ops.push({ op: "open", path: NULL, flags: input ? O_RDONLY : O_WRONLY, mode, fd });
    } else if (scheme === undefined || scheme === "fifo") {
      const path = scheme ? uriPath(name, value) : absolute(name, value);
      const flags = input ? O_RDONLY : O_WRONLY | O_APPEND;
      plan.ops.push({ op: "open", path, flags, mode, fd });
      plan.keepers.push({ path, fd });
    } else if (scheme === "file" && !input) {
      const path = uriPath(name, value);
      plan.ops.push({ op: "open", path, flags: O_WRONLY | O_APPEND | O_CREAT, mode, fd });
      plan.folders.push(path.slice(0, path.lastIndexOf("/")) || "/");
    } else if (scheme === "binary" && !input) {
      throw invalid(name, value, "loggers are not supported", "Unimplemented");
    } else {
      throw invalid(name, value, `not a scheme for ${name}`);
    }
  });
  return plan;
}

function uriPath(name: string, value: string): string {
  try {
    const url = new URL(value);
    if (url.host === "") return absolute(name, decodeURIComponent(url.pathname));
  } catch (error) {
    if (error instanceof ShimError) throw error;
  }
  throw invalid(name, value, "not of the form SCHEME:///PATH");
}

function absolute(name: string, path: string): string {
  if (!path.startsWith("/") || path.includes("\0")) {
    throw invalid(name, path, "not an absolute path");
  }
  return path;
}

function invalid(
  name: string,
  value: string,
  reason: string,
  kind: "InvalidArgument" | "Unimplemented" = "InvalidArgument",
): ShimError {
  return new ShimError(kind, `${name}: ${JSON.stringify(value)}: ${reason}`);
}
