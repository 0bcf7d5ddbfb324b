import { type CommandOptions, hasEnded, must, type Result, run, Running } from "./command.ts";
import { type Census, takeCensus } from "./census.ts";
import { removeCgroups } from "./cgroups.ts";
import { Events } from "./events.ts";
import { prepareUnpacked, UNPACKED } from "./unpacked.ts";
import { waitFor, within } from "./wait.ts";

/** A version that scripts/containerd.sh fetches, or whatever this machine has installed. */
export type Version = "1.6" | "1.7" | "2.1" | "system";

export interface DaemonOptions {
  version: Version;
  /** Folder of the shim under test: first on the PATH of containerd and of every command. */
  shimDir?: string;
  /** Keep the CRI plugin, which takes longer to start. */
  cri?: boolean;
  /** Further TOML for containerd's configuration (version 2 syntax). */
  config?: string;
}

export interface CtrOptions extends CommandOptions {
  /** A containerd namespace other than the daemon's: must begin with it, to be cleaned up. */
  namespace?: string;
}

/** A process in the daemon's pid namespace; pids are those of that namespace. */
export interface Process {
  pid: number;
  ppid: number;
  comm: string;
  argv: string[];
}

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
export const SOCKET = "/run/containerd/containerd.sock";
const NO_CRI = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"];

/**
 * A private containerd: in its own mount, pid, network, uts and ipc namespaces, with its own /run,
 * /etc, /var/lib and data. Stopping it ends every shim and container with it. Needs root.
 *
 * It dies with this process at the latest, leaving only its base folder and cgroups then.
 */
export class Daemon implements AsyncDisposable {
  /** The containerd namespace of `ctr`: unique, because cgroups are named after it. */
  readonly namespace: string;
  /** The folder of its configuration, log and data, on the host. */
  readonly base: string;
  readonly #path: string;
  readonly #init: Running;
  #initPid = 0;

  private constructor(base: string, path: string, init: Running) {
    this.base = base;
    this.namespace = base.slice(base.lastIndexOf("/") + 1);
    this.#path = path;
    this.#init = init;
  }

  /** Starts containerd and waits until it answers. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const path = [await binDir(options.version), SYSTEM_PATH];
    if (options.shimDir) path.unshift(await Deno.realPath(options.shimDir));
    const base = await Deno.makeTempDir({ prefix: "denowasi-" });
    await Deno.writeTextFile(`${base}/config.toml`, config(base, options));
    await prepareUnpacked();

    const unshare = ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork"];
    const script = `${import.meta.dirname}/init.sh`;
    const init = new Running([...unshare, "--kill-child", "bash", script, base, UNPACKED], {
      stdin: "open",
      timeoutMs: 24 * 3600 * 1000,
      clearEnv: true,
      env: { PATH: path.join(":"), HOME: "/root", LC_ALL: "C.UTF-8" },
    });
    const daemon = new Daemon(base, path.join(":"), init);
    try {
      await init.waitForOutput("\n");
      daemon.#initPid = Number(init.out.replace("mounted ", ""));
      await daemon.#startContainerd();
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    return daemon;
  }

  /** Stops everything and removes what is left: cgroups, base folder. */
  async stop(): Promise<void> {
    await this.#init.closeStdin();
    try {
      await within("init to end", this.#init.result, 5000);
    } catch {
      this.#init.kill();
      await this.#init.result;
    }
    await removeCgroups(this.namespace);
    await Deno.remove(this.base, { recursive: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Ends the daemon alone with `signal`, starts it again and waits until it answers. */
  async restart(signal: "TERM" | "KILL" = "TERM"): Promise<void> {
    await this.#init.write(`stop ${signal}\n`);
    await waitFor("containerd to end", () => this.#daemonPid() === undefined);
    await this.#startContainerd();
  }

  /** Runs a command in the daemon's namespaces. */
  exec(argv: string[], options: CommandOptions = {}): Promise<Result> {
    return run(this.#enter(argv), this.#environment(options));
  }

  /** Starts a command in the daemon's namespaces. */
  spawn(argv: string[], options: CommandOptions = {}): Running {
    return new Running(this.#enter(argv), this.#environment(options));
  }

  /** Runs ctr. */
  ctr(args: string[], options: CtrOptions = {}): Promise<Result> {
    return this.exec(["ctr", ...args], ctrOptions(options));
  }

  /** Starts ctr. */
  spawnCtr(args: string[], options: CtrOptions = {}): Running {
    return this.spawn(["ctr", ...args], ctrOptions(options));
  }

  /** Runs ctr. @throws Error with its output unless it exits with 0. */
  mustCtr(args: string[], options: CtrOptions = {}): Promise<Result> {
    return must(this.#enter(["ctr", ...args]), this.#environment(ctrOptions(options)));
  }

  /** Imports an image archive (see scripts/image.ts) and unpacks it. */
  async importImage(tar: Uint8Array, options: CtrOptions = {}): Promise<void> {
    await this.mustCtr(["image", "import", "-"], { timeoutMs: 60_000, ...options, stdin: tar });
  }

  /** Subscribes to events; resolves when the subscription has taken effect. */
  async events(): Promise<Events> {
    const ctr = this.spawnCtr(["events"], { timeoutMs: 24 * 3600 * 1000 });
    const label = `subscribed-${ctr.pid}`;
    await waitFor("the subscription to events", async () => {
      await this.mustCtr(["namespace", "label", this.namespace, `${label}=${performance.now()}`]);
      return ctr.out.includes(label);
    });
    return new Events(ctr);
  }

  /** What exists now; see `assertCensus`. */
  census(): Census {
    return takeCensus(this);
  }

  /** The path on the host of the daemon's `path`. Follows no symbolic link of the daemon's. */
  path(path: string): string {
    return `/proc/${this.#initPid}/root${path}`;
  }

  /** Every process in the daemon's pid namespace except init. */
  processes(): Process[] {
    const found: Process[] = [];
    for (const { name } of Deno.readDirSync(this.path("/proc"))) {
      const pid = Number(name);
      if (!(pid > 1)) continue;
      try {
        const stat = Deno.readTextFileSync(this.path(`/proc/${pid}/stat`));
        const command = Deno.readTextFileSync(this.path(`/proc/${pid}/cmdline`));
        const end = stat.lastIndexOf(")");
        const ppid = Number(stat.slice(end + 2).split(" ")[1]);
        const comm = stat.slice(stat.indexOf("(") + 1, end);
        found.push({ pid, ppid, comm, argv: command.split("\0").slice(0, -1) });
      } catch (error) {
        if (!hasEnded(error)) throw error;
      }
    }
    return found;
  }

  /** Sends a signal to a process of the daemon's pid namespace. */
  async kill(pid: number, signal: string): Promise<void> {
    await must(this.#enter(["kill", "-s", signal, String(pid)]), this.#environment({}));
  }

  /** The descriptors open in a process of the daemon's pid namespace. */
  fdCount(pid: number): number {
    return [...Deno.readDirSync(this.path(`/proc/${pid}/fd`))].length;
  }

  /** The mount points of the daemon's mount namespace, in the order of mounting. */
  mounts(): string[] {
    const lines = Deno.readTextFileSync(`/proc/${this.#initPid}/mountinfo`).trimEnd().split("\n");
    return lines.map((line) => line.split(" ")[4]);
  }

  /** What containerd has logged. */
  log(): Promise<string> {
    return Deno.readTextFile(`${this.base}/log`);
  }

  /** The bundle of task `id`, as a path inside. */
  bundle(id: string, namespace = this.namespace): string {
    return `/run/containerd/io.containerd.runtime.v2.task/${namespace}/${id}`;
  }

  /** The ttRPC socket of the shim that serves task `id`, as a path on the host to connect to. */
  async taskSocket(id: string, namespace?: string): Promise<string> {
    const bundle = this.path(this.bundle(id, namespace));
    const address = await readIfThere(`${bundle}/address`) ??
      JSON.parse(await Deno.readTextFile(`${bundle}/bootstrap.json`)).address as string;
    return this.path(address.trim().replace(/^unix:\/\//, ""));
  }

  #daemonPid(): string | undefined {
    try {
      return Deno.readTextFileSync(this.path("/run/containerd.pid"));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async #startContainerd(): Promise<void> {
    await this.#init.write("start\n");
    try {
      await waitFor("containerd to answer", () => accepts(this.path(SOCKET)));
    } catch (error) {
      throw new Error(`containerd does not answer: ${await this.log()}`, { cause: error });
    }
  }

  #enter(argv: string[]): string[] {
    const pid = String(this.#initPid);
    const enter = ["nsenter", "--target", pid, "--mount", "--net", "--pid", "--uts", "--ipc"];
    // Should nsenter be killed after all, what it runs must die with it.
    return [...enter, "--", "setpriv", "--pdeathsig", "KILL", "--", ...argv];
  }

  #environment(options: CommandOptions): CommandOptions {
    const env = { PATH: this.#path, CONTAINERD_NAMESPACE: this.namespace, ...options.env };
    return { ...options, env, signalChild: true };
  }
}

function ctrOptions({ namespace, ...options }: CtrOptions): CommandOptions {
  if (namespace === undefined) return options;
  return { ...options, env: { ...options.env, CONTAINERD_NAMESPACE: namespace } };
}

async function binDir(version: Version): Promise<string> {
  if (version === "system") return SYSTEM_PATH;
  const fetched = await must([`${ROOT}/scripts/containerd.sh`, version], { timeoutMs: 300_000 });
  return fetched.out.trim();
}

function config(base: string, options: DaemonOptions): string {
  return `version = 2
root = "${base}/root"
state = "/run/containerd"
disabled_plugins = ${JSON.stringify(options.cri ? [] : NO_CRI)}
[debug]
  level = "debug"
${options.config ?? ""}`;
}

async function accepts(socket: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path: socket })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
