/** The CRI as the kubelet uses it: pods, containers, processes in them, their logs. */

import { CriClient } from "./cri_client.ts";
import { isOpen, type LogLine, parseLog } from "./cri_logs.ts";
import { Session } from "./cri_stream.ts";
import type {
  ContainerConfig,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  Mount,
  NamespaceMode,
  PodSandboxConfig,
  PodSandboxStatus,
  Resources,
  SecurityContext,
} from "./cri_types.ts";
import { type Daemon, SOCKET } from "./daemon.ts";
import { waitFor } from "./wait.ts";

export interface PodOptions {
  /** Of the runtime handlers that `CRI_CONFIG` names. */
  handler: string;
  name?: string;
  /** That of the daemon, or one of its own (default). */
  network?: "host" | "pod";
  /** Of the whole pod, or of each container (default). */
  processes?: "pod" | "container";
  annotations?: Record<string, string>;
}

/** A pod; removed with all that is in it when it goes out of scope. */
export class Pod implements AsyncDisposable {
  constructor(readonly cri: Cri, readonly id: string, readonly config: PodSandboxConfig) {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.cri.removePod(this);
  }
}

export interface ContainerOptions {
  image: string;
  name?: string;
  /** Replaces the image's entry point. */
  command?: string[];
  args?: string[];
  env?: Record<string, string>;
  workingDir?: string;
  mounts?: Mount[];
  resources?: Resources;
  security?: SecurityContext;
  tty?: boolean;
  /** Whether it has a stdin to attach to, which ends with the first client's. */
  stdin?: boolean;
}

export interface Container {
  id: string;
  name: string;
  /** The log's path, on the host. */
  log: string;
}

export interface ExecResult {
  code: number;
  out: string;
  err: string;
}

let count = 0;

/** A daemon by its CRI. Failures are Errors with the method and what containerd says. */
export class Cri implements Disposable {
  readonly #client: CriClient;

  constructor(readonly daemon: Daemon) {
    this.#client = new CriClient(daemon.path(SOCKET));
  }

  /** Waits until containerd serves pods, the network included, and knows of `images`. */
  async ready(images: string[] = []): Promise<void> {
    await waitFor("the CRI to be ready", async () => {
      try {
        const { status } = await this.#client.call("Status", {});
        return status.conditions.every((condition) => condition.status);
      } catch (error) {
        // Unavailable, or "server is not initialized yet".
        if (error instanceof Error && /UNAVAILABLE|not initialized/.test(error.message)) {
          return false;
        }
        throw error;
      }
    });
    for (const image of images) {
      await waitFor(`the CRI to know ${image}`, () => this.#client.hasImage(image));
    }
  }

  /** Pulls an image from a registry. */
  pullImage(image: string): Promise<void> {
    return this.#client.pullImage(image);
  }

  async runPod(options: PodOptions): Promise<Pod> {
    const { handler, network = "pod", processes = "container", annotations } = options;
    const { name = `pod${++count}` } = options;
    const uid = crypto.randomUUID();
    const modes: Record<string, NamespaceMode> = {
      host: "NODE",
      pod: "POD",
      container: "CONTAINER",
    };
    const namespaceOptions = { network: modes[network], pid: modes[processes], ipc: modes.pod };
    const config: PodSandboxConfig = {
      metadata: { name, uid, namespace: "default", attempt: 0 },
      hostname: network === "host" ? "" : name,
      logDirectory: `${this.daemon.base}/logs/${uid}`,
      annotations,
      // Like the kubelet's, which is not containerd's to remove.
      linux: { cgroupParent: `/${this.daemon.namespace}`, securityContext: { namespaceOptions } },
    };
    await Deno.mkdir(config.logDirectory, { recursive: true });
    const request = { config, runtimeHandler: handler };
    const { podSandboxId } = await this.#client.call("RunPodSandbox", request, 40_000);
    return new Pod(this, podSandboxId, config);
  }

  async podStatus(pod: Pod): Promise<PodSandboxStatus> {
    return (await this.#client.call("PodSandboxStatus", { podSandboxId: pod.id })).status;
  }

  /** Ends whatever runs in the pod, and its network. */
  async stopPod(pod: Pod): Promise<void> {
    await this.#client.call("StopPodSandbox", { podSandboxId: pod.id });
  }

  /** Stops what runs and removes all; no failure when it is gone already. */
  async removePod(pod: Pod): Promise<void> {
    await this.#client.call("RemovePodSandbox", { podSandboxId: pod.id });
  }

  async createContainer(pod: Pod, options: ContainerOptions): Promise<Container> {
    const { name = `c${++count}`, image, env = {}, resources, security, stdin, ...rest } = options;
    const { namespaceOptions } = pod.config.linux.securityContext;
    const config: ContainerConfig = {
      metadata: { name, attempt: 0 },
      image: { image },
      envs: Object.entries(env).map(([key, value]) => ({ key, value })),
      logPath: `${name}.log`,
      stdin,
      stdinOnce: stdin,
      linux: { resources, securityContext: { namespaceOptions, ...security } },
      ...rest,
    };
    const { containerId } = await this.#client.call("CreateContainer", {
      podSandboxId: pod.id,
      config,
      sandboxConfig: pod.config,
    });
    return { id: containerId, name, log: `${pod.config.logDirectory}/${config.logPath}` };
  }

  async start(container: Container): Promise<void> {
    await this.#client.call("StartContainer", { containerId: container.id });
  }

  /** Creates and starts. */
  async run(pod: Pod, options: ContainerOptions): Promise<Container> {
    const container = await this.createContainer(pod, options);
    await this.start(container);
    return container;
  }

  /** Creates, starts and waits for the end. */
  async runToEnd(pod: Pod, options: ContainerOptions): Promise<Container & ContainerStatus> {
    const container = await this.run(pod, options);
    return { ...container, ...await this.waitForExit(container) };
  }

  /** SIGTERM, and SIGKILL after so many seconds. */
  async stop(container: Container, graceSeconds: number): Promise<void> {
    const request = { containerId: container.id, timeout: graceSeconds };
    await this.#client.call("StopContainer", request, graceSeconds * 1000 + 20_000);
  }

  /** Stops it, should it run; no failure when it is gone already. */
  async remove(container: Container): Promise<void> {
    await this.#client.call("RemoveContainer", { containerId: container.id });
  }

  async status(container: Container): Promise<ContainerStatus> {
    return (await this.#client.call("ContainerStatus", { containerId: container.id })).status;
  }

  /** Waits for the end, and for all of the log, which containerd may still be writing then. */
  async waitForExit(container: Container): Promise<ContainerStatus> {
    const ended = await waitFor(`${container.name} to end`, async () => {
      const status = await this.status(container);
      return status.state === "CONTAINER_EXITED" && status;
    });
    await waitFor(`${container.log} to be closed`, () => !isOpen(this.daemon, container.log));
    return ended;
  }

  async listContainers(pod: Pod): Promise<{ id: string; state: ContainerState }[]> {
    const filter = { podSandboxId: pod.id };
    return (await this.#client.call("ListContainers", { filter })).containers;
  }

  /** Runs a command in a container to its end, which the runtime brings about after the timeout. */
  async execSync(container: Container, cmd: string[], timeoutSeconds = 10): Promise<ExecResult> {
    const request = { containerId: container.id, cmd, timeout: timeoutSeconds };
    const { stdout, stderr, exitCode } = await this.#client.call("ExecSync", request);
    const decoder = new TextDecoder();
    return { code: exitCode, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  /** Runs a command in a container, with stdin. */
  async exec(container: Container, cmd: string[], { tty = false } = {}): Promise<Session> {
    const streams = { stdin: true, stdout: true, stderr: !tty, tty };
    const request = { containerId: container.id, cmd, ...streams };
    return new Session(this.daemon, (await this.#client.call("Exec", request)).url);
  }

  /** Connects to the streams of a container. */
  async attach(container: Container, { tty = false } = {}): Promise<Session> {
    const streams = { stdin: true, stdout: true, stderr: !tty, tty };
    const request = { containerId: container.id, ...streams };
    return new Session(this.daemon, (await this.#client.call("Attach", request)).url);
  }

  async stats(container: Container): Promise<ContainerStats> {
    return (await this.#client.call("ContainerStats", { containerId: container.id })).stats;
  }

  /** The stats of every container of the pod. */
  async listStats(pod: Pod): Promise<ContainerStats[]> {
    const filter = { podSandboxId: pod.id };
    return (await this.#client.call("ListContainerStats", { filter })).stats;
  }

  async update(container: Container, linux: Resources): Promise<void> {
    await this.#client.call("UpdateContainerResources", { containerId: container.id, linux });
  }

  /** The container's log so far. */
  async logs(container: Container): Promise<LogLine[]> {
    return parseLog(await Deno.readTextFile(container.log));
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}
