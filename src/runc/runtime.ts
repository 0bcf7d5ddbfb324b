/** One OCI runtime: its commands, made or run. */

import { ShimError } from "../errdefs/mod.ts";
import {
  checkId,
  containerCommand,
  type CreateArguments,
  createCommand,
  type ExecArguments,
  execCommand,
  type RuntimeIdentity,
} from "./commands.ts";
import { failure, isUnknownContainer, readLog } from "./log.ts";
import { runCommand } from "./process.ts";

/** No call takes this long unless something hangs. */
const TIMEOUT_MS = 10_000;

export interface CallOptions {
  /** The shim's own folder, for files that the call needs and removes. Must be there. */
  folder: string;
  /** Ends the call. */
  signal?: AbortSignal;
  /** How long it may take; 10 s unless given. */
  timeoutMs?: number;
  /** The runtime's PATH; the shim's own unless given. */
  path?: string;
}

/**
 * Calls throw a ShimError: what the runtime says; DeadlineExceeded when it does not end in time or `signal` is aborted (it is
 * killed then); FailedPrecondition when it cannot be run; InvalidArgument when an id is no name.
 */
export class OciRuntime {
  constructor(readonly identity: RuntimeIdentity) {}

  /** For the monitor to run: what it leaves is the container's init. */
  createCommand(args: CreateArguments): string[] {
    return createCommand(this.identity, args);
  }

  /** For the monitor to run. */
  execCommand(args: ExecArguments): string[] {
    return execCommand(this.identity, args);
  }

  start(id: string, options: CallOptions): Promise<void> {
    return this.#call({ words: ["start"], id }, options);
  }

  /** Stop every process. */
  pause(id: string, options: CallOptions): Promise<void> {
    return this.#call({ words: ["pause"], id }, options);
  }

  resume(id: string, options: CallOptions): Promise<void> {
    return this.#call({ words: ["resume"], id }, options);
  }

  /** Send `signal`, of signal(7), to init; with `all`, to each process of the container's cgroup. */
  kill(id: string, signal: number, options: CallOptions & { all?: boolean }): Promise<void> {
    const words = options.all ? ["kill", "--all"] : ["kill"];
    return this.#call({ words, id, rest: [String(signal)] }, options);
  }

  /** Change limits. `resources` is JSON, as linux.resources of config.json; crun does not check it. */
  update(id: string, resources: string, options: CallOptions): Promise<void> {
    return this.#call({ words: ["update"], id, resources }, options);
  }

  /** End and remove the container, its cgroup and the runtime's state. No failure when there is none. */
  async delete(id: string, options: CallOptions): Promise<void> {
    try {
      await this.#call({ words: ["delete", "--force"], id }, options);
    } catch (error) {
      if (!(error instanceof ShimError && isUnknownContainer(error.message))) throw error;
    }
  }

  /** Remove the runtime's state, when `delete` has failed. No failure when there is none. */
  forget(id: string): void {
    try {
      Deno.removeSync(`${this.identity.root}/${checkId(id)}`, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #call({ words, id, rest, resources }: Call, options: CallOptions): Promise<void> {
    const [command, ...flags] = words;
    checkId(id);
    using files = temporaryFolder(options.folder);
    const log = `${files.path}/log`;
    if (resources !== undefined) {
      const file = `${files.path}/resources.json`;
      Deno.writeTextFileSync(file, resources, { mode: 0o600 });
      flags.push("--resources", file);
    }
    const argv = containerCommand(this.identity, log, [command, ...flags], id, rest);
    const { code, output } = await run(argv, command, options);
    if (code !== 0) throw failure(readLog(log), output, command, code);
  }
}

interface Call {
  /** The sub-command and its flags. */
  words: readonly string[];
  id: string;
  /** What follows the id. */
  rest?: readonly string[];
  resources?: string;
}

async function run(argv: string[], command: string, options: CallOptions) {
  const { signal, timeoutMs = TIMEOUT_MS, path = Deno.env.get("PATH") ?? "" } = options;
  const { code, output } = await runCommand(argv, { path, timeoutMs, signal }).catch((cause) => {
    throw new ShimError(
      "FailedPrecondition",
      `oci runtime ${command}: run ${argv[0]}: ${cause.message}`,
      { cause },
    );
  });
  if (code !== null) return { code, output };
  const limit = signal?.aborted ? "before its caller gave up" : `within ${timeoutMs} ms`;
  throw new ShimError("DeadlineExceeded", `oci runtime ${command}: not ended ${limit}`);
}

function temporaryFolder(parent: string): { path: string } & Disposable {
  const path = Deno.makeTempDirSync({ dir: parent, prefix: "oci-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
