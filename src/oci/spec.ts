/**
 * The parts of a container's config.json that are honoured, as `parseSpec` (parse.ts) leaves them: checked,
 * defaults filled in, 64-bit integers as bigint.
 *
 * OCI runtime specification 1.2: https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md
 */

import type { NamespaceKind } from "../linux/plan.ts";
import type { LinuxSeccomp } from "../linux/seccomp.ts";
import type { LinuxResources } from "./resources.ts";

export interface Spec {
  process: Process;
  root: Root;
  /** Empty: left alone. */
  hostname: string;
  /** Empty: left alone. */
  domainname: string;
  mounts: Mount[];
  annotations: Record<string, string>;
  linux: Linux;
}

export interface Process {
  terminal: boolean;
  /** Of the terminal, in characters; 0: not asked for. */
  consoleSize: { width: number; height: number };
  user: User;
  /** At least one; the first names the program. */
  args: string[];
  /** `NAME=value` each. */
  env: string[];
  /** Absolute. */
  cwd: string;
  capabilities: Capabilities;
  rlimits: Rlimit[];
  /** Empty: none asked for. */
  apparmorProfile: string;
  /** Empty: none asked for. */
  selinuxLabel: string;
  /** -1000 to 1000. Undefined: inherited. */
  oomScoreAdj: number | undefined;
}

export interface User {
  uid: number;
  gid: number;
  /** Undefined: 0022. */
  umask: number | undefined;
  additionalGids: number[];
}

/** Sets of capabilities: bit n is capability n. */
export interface Capabilities {
  bounding: bigint;
  effective: bigint;
  permitted: bigint;
  inheritable: bigint;
  ambient: bigint;
}

export interface Rlimit {
  /** RLIMIT_* number. */
  resource: number;
  soft: bigint;
  hard: bigint;
}

export interface Root {
  /** As written: absolute, or relative to the bundle. */
  path: string;
  readonly: boolean;
}

export interface Mount {
  /** Absolute path in the container. */
  destination: string;
  type: string;
  source: string;
  options: string[];
  /** Path in the document, for errors. */
  field: string;
}

export interface Linux {
  namespaces: Namespace[];
  devices: Device[];
  /** As written; see cgroups/path.ts. */
  cgroupsPath: string;
  resources: LinuxResources;
  seccomp: LinuxSeccomp | undefined;
  rootfsPropagation: string;
  /** Absolute paths in the container. */
  maskedPaths: string[];
  /** Absolute paths in the container. */
  readonlyPaths: string[];
  sysctl: Record<string, string>;
  /** SELinux label of the file systems mounted for the container. Empty: none. */
  mountLabel: string;
}

export interface Namespace {
  kind: NamespaceKind;
  /** The namespace to join; empty: a new one. */
  path: string;
}

export interface Device {
  /** Absolute path in the container, below /dev. */
  path: string;
  type: "c" | "b" | "u" | "p";
  major: number;
  minor: number;
  /** Permissions only. */
  fileMode: number;
  uid: number;
  gid: number;
}
