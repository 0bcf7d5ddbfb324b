/**
 * `delete`: end and remove what is left of a container, and print how it ended. containerd calls it after every connection
 * that it loses; the launcher calls this only when there is something left.
 */

import { Cgroups } from "../cgroups/mod.ts";
import { ShimError } from "../errdefs/mod.ts";
import { openSupervisorNative } from "../linux/native.ts";
import { nowTimestamp, task } from "../proto/mod.ts";
import { cleanTask, endOrphan } from "../supervisor/clean.ts";
import { askSupervisor } from "../supervisor/control.ts";
import { type Exit, KILLED, parseExit } from "../supervisor/monitor.ts";
import { lockGroup, removeGroup } from "../supervisor/group_lock.ts";
import { placesIn, taskFolder } from "../supervisor/places.ts";
import { readTaskState } from "../supervisor/state_file.ts";
import { timestamp } from "../task/events.ts";
import type { Call } from "./args.ts";

/** How long the supervisor of its group may take to boot or to end. */
const OWNER_TIMEOUT_MS = 4000;
const RETRY_MS = 5;

interface Ended {
  pid: number;
  exit: Exit | null;
}

export async function runDelete(call: Call): Promise<void> {
  const folder = taskFolder(call.namespace, call.id);
  const state = readTaskState(folder);
  const ended = await (state ? endTask(call, folder, state.control) : removeOrphan(call, folder));
  const response = task.DeleteResponse.encode({
    pid: ended.pid,
    exitStatus: ended.exit?.code ?? KILLED,
    exitedAt: ended.exit ? timestamp(ended.exit) : nowTimestamp(),
  });
  for (let at = 0; at < response.length;) at += Deno.stdout.writeSync(response.subarray(at));
}

/** By its supervisor; or here, as long as none can begin that would take it over. */
async function endTask(call: Call, folder: string, control: string): Promise<Ended> {
  const places = placesIn(control.slice(0, control.lastIndexOf("/")));
  for (const deadline = Date.now() + OWNER_TIMEOUT_MS;;) {
    const answer = await askOwner(control, call.id);
    if (answer) return answer;
    using lock = lockGroup(places);
    if (lock) {
      const ended = await removeOrphan(call, folder);
      removeGroup(places);
      return ended;
    }
    // Held by one that boots or ends.
    if (Date.now() > deadline) {
      throw new ShimError("Unavailable", `delete task ${call.id}: its supervisor does not answer`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** The living supervisor knows best. Null when there is none. */
async function askOwner(control: string, id: string): Promise<Ended | null> {
  const answer = await askSupervisor(control, `delete ${id}`);
  if (answer === null) return null;
  const [word, pid, ...rest] = answer.split(" ");
  if (word !== "deleted") {
    throw new ShimError("Internal", `delete task ${id}: its supervisor: ${answer}`);
  }
  return { pid: Number(pid), exit: parseExit(rest.join(" ")) };
}

async function removeOrphan(call: Call, folder: string): Promise<Ended> {
  const ended = await endOrphan(folder);
  const native = openSupervisorNative(`${call.runtime}/libdenowasi.so`);
  await cleanTask({ native, cgroups: Cgroups.detect() }, folder);
  return ended;
}
