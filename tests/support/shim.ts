/** The shim without containerd: bundles made by hand, the shim's own commands, and a client of its Task service. */

import { task, TaskV3 } from "../../src/proto/mod.ts";
import { Client } from "../../src/ttrpc/mod.ts";
import { must, type Result } from "./command.ts";
import type { Daemon, Process } from "./daemon.ts";
import { waitFor } from "./wait.ts";
import { moduleFiles, RUNTIME } from "./wasm.ts";

const SOCKET = "/run/containerd/containerd.sock";

type TaskMethods = typeof task.Task.methods;
export type Method = keyof TaskMethods;
type RequestOf<M extends Method> = Parameters<TaskMethods[M]["request"]["encode"]>[0];
type ResponseOf<M extends Method> = ReturnType<TaskMethods[M]["response"]["decode"]>;

/** Calls the Task service as containerd does. Failures are ShimErrors. */
export class TaskClient implements Disposable {
  private constructor(readonly client: Client, readonly service: string) {}

  /** @param path of the socket, on the host: `Daemon.taskSocket` or `startShim` */
  static async connect(path: string, version: 2 | 3 = 2): Promise<TaskClient> {
    const service = version === 2 ? task.Task.name : TaskV3.name;
    return new TaskClient(await Client.connect(path), service);
  }

  async call<M extends Method>(
    method: M,
    request: RequestOf<M>,
    timeoutMs = 10_000,
  ): Promise<ResponseOf<M>> {
    const { request: requests, response } = task.Task.methods[method];
    const payload = (requests.encode as (message: RequestOf<M>) => Uint8Array)(request);
    const answer = await this.client.call(this.service, method, payload, { timeoutMs });
    return response.decode(answer) as ResponseOf<M>;
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

export interface BundleOptions {
  id: string;
  args: string[];
  env?: string[];
  annotations?: Record<string, string>;
  /** What else is to be different in config.json. */
  change?: (spec: Spec) => void;
}

/** config.json, as far as tests change it. */
export interface Spec {
  process: {
    args: string[];
    env: string[];
    cwd: string;
    user: { uid: number; gid: number };
    terminal?: boolean;
    rlimits: { type: string; soft: number; hard: number }[];
  };
  root: { path: string; readonly?: boolean };
  mounts: { destination: string; type: string; source: string; options?: string[] }[];
  annotations?: Record<string, string>;
  linux: { cgroupsPath: string; resources: Record<string, unknown>; maskedPaths: string[] };
}

/** Where bundles made by hand are, inside `daemon`. */
export const BUNDLES = "/run/bundles";

/** Makes a bundle of what `ctr oci spec` prints. Answers its path inside. */
export async function makeBundle(daemon: Daemon, options: BundleOptions): Promise<string> {
  const { id, args, env = [], annotations = {}, change } = options;
  const spec: Spec = JSON.parse((await daemon.mustCtr(["oci", "spec"])).out);
  Object.assign(spec.process, { args, env });
  Object.assign(spec, { annotations });
  spec.linux.cgroupsPath = `/${daemon.namespace}/${id}`;
  change?.(spec);
  const bundle = `${BUNDLES}/${id}`;
  await Deno.mkdir(daemon.path(`${bundle}/rootfs`), { recursive: true });
  await Deno.writeTextFile(daemon.path(`${bundle}/config.json`), JSON.stringify(spec));
  return bundle;
}

/** Which shim is called, and how. */
export interface ShimCall {
  /** containerd's name of it. */
  runtime?: string;
  /** Variables of its environment besides containerd's. */
  env?: Record<string, string>;
  /** What it reads: the runtime options. */
  stdin?: Uint8Array;
}

/** Runs the shim with one of its commands, as containerd does: in the bundle, with containerd's addresses. */
export function callShim(
  daemon: Daemon,
  command: "start" | "delete",
  { id, bundle }: { id: string; bundle: string },
  { runtime = RUNTIME, env = {}, stdin }: ShimCall = {},
): Promise<Result> {
  const variables = {
    TTRPC_ADDRESS: `${SOCKET}.ttrpc`,
    GRPC_ADDRESS: SOCKET,
    NAMESPACE: daemon.namespace,
    ...env,
  };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const flags = ["-namespace", daemon.namespace, "-address", SOCKET];
  flags.push("-publish-binary", "/usr/bin/containerd", "-id", id);
  const last = command === "delete" ? ["-bundle", bundle, command] : [command];
  const shell = runtime === RUNTIME ? [] : ["sh", "-c", FOR_RUNC, "sh"];
  const argv = ["env", `--chdir=${bundle}`, ...assignments, ...shell];
  return daemon.exec([...argv, program(runtime), ...flags, ...last], { timeoutMs: 40_000, stdin });
}

/**
 * What runc's shim insists on: a FIFO for its log, which containerd makes and reads (here whoever
 * inherits descriptor 9), and a parent in its pid namespace, whose OOM score it looks at.
 */
const FOR_RUNC = '[ -p log ] || mkfifo log; exec 9<>log; "$@"; exit $?';

/** io.containerd.NAME.VERSION is the file containerd-shim-NAME-VERSION. */
function program(runtime: string): string {
  const [name, version] = runtime.split(".").slice(-2);
  return `containerd-shim-${name}-${version}`;
}

/**
 * Starts the shim of a bundle and connects to it, by `version` of the service unless the shim names one.
 * @throws Error with what the shim said
 */
export async function startShim(
  daemon: Daemon,
  target: { id: string; bundle: string },
  version: 2 | 3 = 2,
  call: ShimCall = {},
): Promise<TaskClient> {
  const { code, out, err } = await callShim(daemon, "start", target, call);
  if (code !== 0) throw new Error(`start of ${target.id}: exit ${code}: ${err}`);
  const { address, version: named = version } = parseAddress(out);
  return await TaskClient.connect(daemon.path(address), named);
}

/** Connects to the shim that serves containerd's task `id`, as containerd does. */
export async function connectTask(daemon: Daemon, id: string): Promise<TaskClient> {
  const bootstrap = daemon.path(`${daemon.bundle(id)}/bootstrap.json`);
  const text = await Deno.readTextFile(bootstrap).catch(() => "{}");
  const { version = 2 } = JSON.parse(text) as { version?: 2 | 3 };
  return await TaskClient.connect(await daemon.taskSocket(id), version);
}

/** What `start` prints: an address, or JSON with one. */
function parseAddress(out: string): { address: string; version?: 2 | 3 } {
  const { address, version } = out.startsWith("{") ? JSON.parse(out) : { address: out.trim() };
  return { address: address.replace(/^unix:\/\//, ""), version };
}

/**
 * A folder with the files of the test image and every applet of its busybox, for bundles to share.
 * Answers its path, on both sides.
 */
export async function writeRoot(daemon: Daemon): Promise<string> {
  const root = `${daemon.base}/shared-root`;
  for (const entry of await moduleFiles()) {
    if (entry.type !== "file") continue;
    const path = `${root}${entry.path}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, entry.data as Uint8Array, { mode: entry.mode });
  }
  for (const name of (await must(["busybox", "--list"])).out.trimEnd().split("\n")) {
    if (name !== "busybox") await link("busybox", `${root}/bin/${name}`);
  }
  return root;
}

/** Pods of one daemon share the folder: the link may be there. */
async function link(target: string, path: string): Promise<void> {
  try {
    await Deno.symlink(target, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** What Create is told to mount: an overlay of a container's own over the folder `root`. */
export async function overlay(daemon: Daemon, root: string, id: string): Promise<RootfsMount> {
  const layers = `${daemon.base}/layers/${id}`;
  for (const name of ["upper", "work"]) await Deno.mkdir(`${layers}/${name}`, { recursive: true });
  const options = [`lowerdir=${root}`, `upperdir=${layers}/upper`, `workdir=${layers}/work`];
  return { type: "overlay", source: "overlay", options };
}

export interface RootfsMount {
  type: string;
  source: string;
  options: string[];
}

/** The supervisors that run in `daemon`. */
export function supervisors(daemon: Daemon): Process[] {
  return daemon.processes().filter(({ argv }) => argv.includes("serve"));
}

/** The zygotes. What they fork shares their command line, but is named after its module. */
export function zygotes(daemon: Daemon): Process[] {
  return daemon.processes().filter(({ comm }) => comm === "denowasi-zygote");
}

/**
 * Waits until one supervisor runs, with one zygote: a start that finds its group served may have begun others, which
 * end by themselves. Answers the supervisor's pid.
 */
export function oneSupervisor(daemon: Daemon): Promise<number> {
  return waitFor("one supervisor", () => {
    const [first, ...others] = supervisors(daemon);
    return first && others.length === 0 && zygotes(daemon).length === 1 && first.pid;
  });
}

/** The monitor of the container whose init is `pid`. */
export function monitorOf(daemon: Daemon, pid: number): Process {
  const processes = daemon.processes();
  const parent = processes.find((process) => process.pid === pid)?.ppid;
  const monitor = processes.find((process) => process.pid === parent);
  if (!monitor) throw new Error(`monitor of ${pid}: no such process`);
  return monitor;
}
