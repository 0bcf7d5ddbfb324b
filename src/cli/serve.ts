/**
 * `serve`: the supervisor's process, from its boot to its end. The launcher's `start` spawns it and prints the address
 * that this writes to its stdout. Until that is written nothing is loaded or done that can wait: the rest is in
 * supervise.ts.
 */

import { loadConfig } from "../config/mod.ts";
import { ShimError } from "../errdefs/mod.ts";
import { groupName } from "../oci/group.ts";
import { askSupervisor } from "../supervisor/control.ts";
import { lockGroup, removeGroup } from "../supervisor/group_lock.ts";
import { type GroupPlaces, groupPlaces } from "../supervisor/places.ts";
import type { Call } from "./args.ts";
import { parseStartOptions, readOptions } from "./options.ts";

/** How long `start` waits for another one of the same group to be ready. */
const START_TIMEOUT_MS = 20_000;
const RETRY_MS = 5;

/** Become the supervisor of the container's group, or find the living one. Returns when the process may end. */
export async function serve(call: Call): Promise<void> {
  let answered = false;
  const answer = (line: string) => {
    answered = true;
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  };
  try {
    const options = Deno.stdin.isTerminal()
      ? undefined
      : parseStartOptions(readOptions(Deno.stdin));
    const config = await loadConfig();
    const bundle = Deno.cwd();
    const annotations = readAnnotations(bundle);
    const group = groupName(annotations, config.grouping, call.id);
    const places = await groupPlaces({
      containerd: call.address,
      namespace: call.namespace,
      group,
      engine: call.engine,
    });
    const address = `unix://${places.taskSocket}`;
    const joined = await joinGroup(places, call, bundle);
    if (typeof joined === "string") {
      writeAddress(bundle, address);
      return answer(joined);
    }
    using _ = joined;
    // While the lock is held, so that nobody finds half of it.
    using cleanup = new DisposableStack();
    cleanup.defer(() => removeGroup(places));
    writeAddress(bundle, address);
    Deno.writeTextFileSync(places.name, `${call.namespace} ${group}\n`);
    // Connections wait in their queues until supervise() accepts them.
    const control = Deno.listen({ transport: "unix", path: places.controlSocket });
    const tasks = Deno.listen({ transport: "unix", path: places.taskSocket });
    answer(`address ${address} ${places.controlSocket}`);
    const { supervise } = await import("./supervise.ts");
    const hasMember = (bundle: string, id: string) =>
      groupName(readAnnotations(bundle), config.grouping, id) === group;
    await supervise({ call, config, options, group, places, control, tasks, address, hasMember });
  } catch (error) {
    if (answered) throw error;
    answer(`error ${ShimError.from(error).message.replaceAll("\n", " ")}`);
  }
}

/** The file that containerd 1.6 and 1.7 read when they are restarted. */
function writeAddress(bundle: string, address: string): void {
  Deno.writeTextFileSync(`${bundle}/address`, address);
}

/**
 * Take the group's lock, or make sure that its holder will serve the container.
 * @returns the lock, or what its holder has answered: `address ...`
 */
async function joinGroup(
  places: GroupPlaces,
  { id, zygote }: Call,
  bundle: string,
): Promise<Disposable | string> {
  const question = `start ${id} ${Number(zygote)} ${bundle}`;
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const lock = lockGroup(places);
    if (lock) return lock;
    // Held by one that boots or ends: then nobody listens yet, or any more.
    const answer = await askSupervisor(places.controlSocket, question);
    if (answer?.startsWith("address ")) return answer;
    if (Date.now() > deadline) {
      throw new ShimError(
        "Unavailable",
        `join the group of ${places.folder}: its supervisor does not answer`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** The annotations in config.json, which Create checks as a whole. */
function readAnnotations(bundle: string): Record<string, string> {
  const path = `${bundle}/config.json`;
  const text = Deno.readTextFileSync(path);
  try {
    return JSON.parse(text).annotations ?? {};
  } catch (error) {
    throw new ShimError("InvalidArgument", `parse ${path}: ${(error as Error).message}`);
  }
}
