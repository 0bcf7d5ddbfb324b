/** Calls of a shim's `start` from within a daemon's namespaces: entering them takes as long as a shim's `start`. */

import { type Daemon, within } from "../../tests/support/mod.ts";
import { TaskClient } from "../../tests/support/shim.ts";
import { FOLDER, TIMEOUT_MS } from "./pod.ts";

/** FIFOs of a bundle that `start` needs; somebody must hold the first one open, as containerd does. */
export const FIFOS = ["log", "started"] as const;

const SOCKET = "/run/containerd/containerd.sock";
const DAY_MS = 24 * 3600 * 1000;

/** What the shell calls itself, which tells it from shims. */
const NAME = "bench-starter";
/** Obeys lines, `PROGRAM ID`: runs the shim PROGRAM in the bundle ID; `started` takes what it prints. */
const SCRIPT = `while read -r program id; do
  (cd "${FOLDER}/$id" && exec "$program" -namespace "$NAMESPACE" -address "$GRPC_ADDRESS" \\
    -publish-binary /usr/bin/containerd -id "$id" start </dev/null >started 2>&1) &
done`;

export interface Starter extends AsyncDisposable {
  /**
   * Starts or finds the shim of the bundle `id`, and connects to it.
   * @param program the shim's file name
   * @throws Error with what it said
   */
  start(program: string, id: string): Promise<TaskClient>;
}

/** Begins a shell in `daemon` that calls shims. */
export function startStarter(daemon: Daemon): Starter {
  const env = {
    TTRPC_ADDRESS: `${SOCKET}.ttrpc`,
    GRPC_ADDRESS: SOCKET,
    NAMESPACE: daemon.namespace,
  };
  const shell = daemon.spawn(["bash", "-c", SCRIPT, NAME], {
    stdin: "open",
    timeoutMs: DAY_MS,
    env,
  });
  return {
    async start(program, id) {
      const printed = Deno.readTextFile(daemon.path(`${FOLDER}/${id}/started`));
      await shell.write(`${program} ${id}\n`);
      const text = await within(`start of ${id}`, printed, TIMEOUT_MS);
      const address = addressIn(text);
      if (address === undefined) throw new Error(`start of ${id}: ${text}`);
      return await TaskClient.connect(daemon.path(address));
    },
    async [Symbol.asyncDispose]() {
      await shell.closeStdin();
      await shell.result;
    },
  };
}

/** The socket in what `start` prints, an address or JSON with one; undefined when it is something else. */
export function addressIn(printed: string): string | undefined {
  return /^(?:\{.*")?unix:\/\/(\/[^"\s]+)/.exec(printed)?.[1];
}

/** The processes of `daemon` that are neither containerd nor a starter, as pids. */
export function othersOf(daemon: Daemon): number[] {
  return daemon.processes()
    .filter(({ comm, argv }) => comm !== "containerd" && !argv.includes(NAME))
    .map(({ pid }) => pid);
}
