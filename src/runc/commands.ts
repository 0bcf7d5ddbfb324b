/**
 * runc's command line, as far as crun and youki share it: https://github.com/opencontainers/runc/tree/main/man. Pure: arguments
 * in, words of a command out, the first of them the executable.
 */

import { ShimError } from "../errdefs/mod.ts";

/** What every call needs to know of a container's runtime: plain data, kept in its state. */
export interface RuntimeIdentity {
  /** Absolute path of the executable. */
  binary: string;
  /** Absolute folder of its states, which it makes itself. */
  root: string;
  /** Let systemd make the cgroups. */
  systemdCgroup: boolean;
}

export interface CreateArguments {
  id: string;
  bundle: string;
  /** File for init's pid. */
  pidFile: string;
  /** Socket that is to receive the terminal's master. */
  console?: string;
  /** File for the runtime's messages: see log.ts. */
  log: string;
  /** File instead of the bundle's config.json: crun only. */
  config?: string;
  noPivotRoot: boolean;
  noNewKeyring: boolean;
}

export interface ExecArguments {
  id: string;
  /** File with the `process` of a config.json. */
  processFile: string;
  /** File for the process's pid. */
  pidFile: string;
  /** Socket that is to receive the terminal's master. */
  console?: string;
  /** File for the runtime's messages: see log.ts. */
  log: string;
}

/** Make a container, whose init waits for its start. */
export function createCommand(runtime: RuntimeIdentity, args: CreateArguments): string[] {
  return [
    ...globalWords(runtime, args.log),
    "create",
    ...["--bundle", args.bundle],
    ...(args.config ? ["--config", args.config] : []),
    ...["--pid-file", args.pidFile],
    ...(args.console ? ["--console-socket", args.console] : []),
    ...(args.noPivotRoot ? ["--no-pivot"] : []),
    ...(args.noNewKeyring ? ["--no-new-keyring"] : []),
    checkId(args.id),
  ];
}

/** Run another process in a container, and leave it. */
export function execCommand(runtime: RuntimeIdentity, args: ExecArguments): string[] {
  return [
    ...globalWords(runtime, args.log),
    "exec",
    "--detach",
    ...["--process", args.processFile],
    ...["--pid-file", args.pidFile],
    ...(args.console ? ["--console-socket", args.console] : []),
    checkId(args.id),
  ];
}

/** `words` are a sub-command with its options, and `rest` what follows the id. */
export function containerCommand(
  runtime: RuntimeIdentity,
  log: string,
  words: readonly string[],
  id: string,
  rest: readonly string[] = [],
): string[] {
  return [...globalWords(runtime, log), ...words, checkId(id), ...rest];
}

function globalWords({ binary, root, systemdCgroup }: RuntimeIdentity, log: string): string[] {
  return [
    binary,
    ...["--root", root],
    ...["--log", log],
    ...["--log-format", "json"],
    ...(systemdCgroup ? ["--systemd-cgroup"] : []),
  ];
}

/**
 * `id`, which names a folder and stands where options may.
 * @throws ShimError InvalidArgument: it is not what containerd lets an id be.
 */
export function checkId(id: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id)) return id;
  throw new ShimError("InvalidArgument", `container id: ${JSON.stringify(id)}: not a name`);
}
