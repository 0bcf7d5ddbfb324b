/** The messages of cri.proto: what is asked is partial, what is answered is whole. */

export type NamespaceMode = "POD" | "CONTAINER" | "NODE";
export type ContainerState =
  | "CONTAINER_CREATED"
  | "CONTAINER_RUNNING"
  | "CONTAINER_EXITED"
  | "CONTAINER_UNKNOWN";

export interface NamespaceOption {
  network: NamespaceMode;
  pid: NamespaceMode;
  ipc: NamespaceMode;
}

export interface PodSandboxConfig {
  metadata: { name: string; uid: string; namespace: string; attempt: number };
  hostname: string;
  logDirectory: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  linux: { cgroupParent: string; securityContext: { namespaceOptions: NamespaceOption } };
}

/** Sizes in bytes, times in microseconds. */
export interface Resources {
  cpuPeriod?: number;
  cpuQuota?: number;
  cpuShares?: number;
  memoryLimitInBytes?: number;
}

export interface SecurityContext {
  capabilities?: { addCapabilities?: string[]; dropCapabilities?: string[] };
  privileged?: boolean;
  namespaceOptions?: NamespaceOption;
  runAsUser?: { value: number };
  runAsGroup?: { value: number };
  supplementalGroups?: number[];
  readonlyRootfs?: boolean;
  noNewPrivs?: boolean;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  seccomp?: { profileType: "RuntimeDefault" | "Unconfined" };
}

export interface Mount {
  containerPath: string;
  hostPath: string;
  readonly?: boolean;
}

export interface ContainerConfig {
  metadata: { name: string; attempt: number };
  image: { image: string };
  command?: string[];
  args?: string[];
  workingDir?: string;
  envs?: { key: string; value: string }[];
  mounts?: Mount[];
  annotations?: Record<string, string>;
  logPath: string;
  stdin?: boolean;
  stdinOnce?: boolean;
  tty?: boolean;
  linux: { resources?: Resources; securityContext: SecurityContext };
}

export interface PodSandboxStatus {
  id: string;
  state: "SANDBOX_READY" | "SANDBOX_NOTREADY";
  /** The address of eth0; empty in the host's network. */
  network: { ip: string };
  runtimeHandler: string;
}

/** Times are in nanoseconds since 1970, to the precision of a number. */
export interface ContainerStatus {
  id: string;
  state: ContainerState;
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  message: string;
}

/** What a container has used; what is not known is null. */
export interface ContainerStats {
  attributes: { id: string };
  cpu: { usageCoreNanoSeconds: { value: number } | null } | null;
  memory: { workingSetBytes: { value: number } | null } | null;
}

interface OfPod {
  podSandboxId: string;
}

interface OfContainer {
  containerId: string;
}

interface Exec extends OfContainer {
  cmd: string[];
}

interface Streams extends OfContainer {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

type Empty = Record<string, never>;

/** The request and the response of each method of the RuntimeService. */
export interface Methods {
  Status: [Empty, { status: { conditions: { type: string; status: boolean; message: string }[] } }];
  RunPodSandbox: [{ config: PodSandboxConfig; runtimeHandler: string }, OfPod];
  StopPodSandbox: [OfPod, Empty];
  RemovePodSandbox: [OfPod, Empty];
  PodSandboxStatus: [OfPod, { status: PodSandboxStatus }];
  CreateContainer: [
    OfPod & { config: ContainerConfig; sandboxConfig: PodSandboxConfig },
    OfContainer,
  ];
  StartContainer: [OfContainer, Empty];
  StopContainer: [OfContainer & { timeout: number }, Empty];
  RemoveContainer: [OfContainer, Empty];
  ListContainers: [{ filter: OfPod }, { containers: { id: string; state: ContainerState }[] }];
  ContainerStatus: [OfContainer, { status: ContainerStatus }];
  UpdateContainerResources: [OfContainer & { linux: Resources }, Empty];
  ExecSync: [
    Exec & { timeout: number },
    { stdout: Uint8Array; stderr: Uint8Array; exitCode: number },
  ];
  Exec: [Exec & Streams, { url: string }];
  Attach: [Streams, { url: string }];
  ContainerStats: [OfContainer, { stats: ContainerStats }];
  ListContainerStats: [{ filter: OfPod }, { stats: ContainerStats[] }];
}
