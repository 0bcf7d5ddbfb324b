/** What a task needs of its container, whichever kind it is; and what it takes to make one. */

import type { Cgroup, Cgroups } from "../cgroups/mod.ts";
import type { Maker } from "../image/mod.ts";
import type { HostFacts } from "../linux/host.ts";
import type { SupervisorNative } from "../linux/native.ts";
import type { SeccompCompiler } from "../linux/seccomp.ts";
import type { Logger } from "../log/mod.ts";
import {
  monitorStreams,
  openStreams,
  planStreams,
  type StdioPaths,
  type Streams,
} from "../stdio/mod.ts";
import { check, cString } from "../linux/native.ts";
import type { Monitors } from "./monitors.ts";
import type { Launched, Process } from "./process.ts";
import type { RootfsMount } from "./rootfs.ts";
import type { TaskState } from "./state_file.ts";
import type { Zygotes } from "./zygotes.ts";

/** google.protobuf.Any. */
export interface Any {
  typeUrl: string;
  value: Uint8Array;
}

/** What a Create asks for. */
export interface CreateRequest {
  id: string;
  bundle: string;
  rootfs: RootfsMount[];
  paths: StdioPaths;
  /** Path of a checkpoint to restore; empty: none. */
  checkpoint: string;
  /** The runtime's options. */
  options?: Any;
}

/** What an Exec asks for. */
export interface ExecRequest {
  execId: string;
  paths: StdioPaths;
  /** JSON of an OCI process. */
  spec: string;
}

/** Makes the process; it runs, or is ready to. */
export type Launch = (signal: AbortSignal) => Promise<Launched>;

export interface Container {
  readonly id: string;
  readonly bundle: string;
  readonly cgroup: Cgroup;
  /** All of its processes end with its init. */
  readonly ownPidNamespace: boolean;
  /** Let init, which is set up, run. */
  start(signal: AbortSignal): Promise<void>;
  /** @throws ShimError: the specification of the process is not acceptable */
  prepareExec(request: ExecRequest): Launch;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** @param resources JSON of OCI LinuxResources, checked */
  update(resources: string): Promise<void>;
  /** Signal every process; `known` are those with a monitor. */
  signalAll(signal: number, known: Process[]): Promise<void>;
}

/** What it takes to make containers. */
export interface Workshop {
  namespace: string;
  native: SupervisorNative;
  zygotes: Zygotes;
  seccomp: SeccompCompiler;
  cgroups: Cgroups;
  host: HostFacts;
  monitors: Monitors;
  /** Path of the small launcher. */
  launcher: string;
  /** containerd's socket, or its URL. */
  containerd: string;
  /** Who makes what is kept beside layers. */
  maker: Maker;
  /** The group's control socket. */
  control: string;
  /** The folder of the states of the namespace's containers. */
  tasks: string;
  /** PATH, for OCI runtimes and loggers. */
  path: string;
  log: Logger;
}

/** A container in the making. */
export interface Making {
  workshop: Workshop;
  request: CreateRequest;
  /** The text of config.json. */
  config: string;
  /** Host path of its root. */
  rootfs: string;
  /** The folder of its state. */
  folder: string;
  save(change: Partial<TaskState>): void;
  signal: AbortSignal;
}

/** Open the streams of a process whose files are in `folder`. */
export function openProcessStreams(
  { namespace, native, launcher, path }: Workshop,
  { id, folder, paths }: { id: string; folder: string; paths: StdioPaths },
): Promise<Streams> {
  const mkfifo = (path: string, mode: number) => {
    check(native.dw_mkfifo(cString(path), mode), `make FIFO ${path}`);
  };
  return openStreams(planStreams(paths, { namespace, id }), { launcher, folder, mkfifo, path });
}

/** The monitor's flags that do not depend on how its process is made. */
export function monitorFlags(
  { control }: Workshop,
  key: string,
  folder: string,
  streams: Streams,
): string[] {
  return ["--key", key, "--socket", control, "--dir", folder, ...monitorStreams(streams)];
}

/** The folder of an exec's files, in that of its container's state. */
export function execFolder(folder: string, execId: string): string {
  return `${folder}/execs/${execId}`;
}
