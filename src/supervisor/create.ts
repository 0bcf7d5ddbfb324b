/** Makes a container and its init: every step from the bundle to a process that waits for its start. */

import { ShimError } from "../errdefs/mod.ts";
import { type Outline, outline } from "../oci/mod.ts";
import { cleanTask } from "./clean.ts";
import type { Container, CreateRequest, Making, Workshop } from "./container.ts";
import { createOci } from "./oci.ts";
import { findEntry } from "./module.ts";
import type { Launched } from "./process.ts";
import { mountRootfs } from "./rootfs.ts";
import { createTaskState, type TaskState, writeTaskState } from "./state_file.ts";
import { createWasm } from "./wasm.ts";

/**
 * @param folder the task's state
 * @throws ShimError what was wrong, of which nothing is left then
 */
export async function createContainer(
  workshop: Workshop,
  request: CreateRequest,
  folder: string,
  signal: AbortSignal,
): Promise<{ container: Container; launched: Launched }> {
  const { native, control } = workshop;
  const { bundle, paths } = request;
  if (request.checkpoint) {
    throw new ShimError(
      "Unimplemented",
      `checkpoint: ${request.checkpoint}: restoring is not supported`,
    );
  }
  const state: TaskState = {
    ...{ bundle, control, paths, paused: false },
    ...{ rootfs: null, cgroup: null, limits: null, runtime: null, init: null },
  };
  const save = (change: Partial<TaskState>) => writeTaskState(folder, Object.assign(state, change));
  createTaskState(folder, state);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => cleanTask(workshop, folder));

  const config = Deno.readTextFileSync(`${bundle}/config.json`);
  const about = outline(config);
  const rootfs = rootfsFolder(about, request);
  if (request.rootfs.length > 0) {
    save({ rootfs });
    mountRootfs(native, request.rootfs, rootfs);
  }
  const making: Making = { workshop, request, config, rootfs, folder, save, signal };
  const { module } = await findEntry(making, about);
  const made = await (module ? createWasm(making, module) : createOci(making, about));
  const { pid, startTime, monitor } = made.launched;
  save({ init: { pid, startTime } });
  await monitor.watchMemory(made.container.cgroup.memoryFolder);
  if (module?.digest) await (await import("./image.ts")).keepProduct(making, module.digest);
  undo.move();
  return made;
}

/** Create's mounts go on the bundle's rootfs; without any, the root is what config.json says. */
function rootfsFolder({ root }: Outline, { bundle, rootfs }: CreateRequest): string {
  if (rootfs.length > 0) return `${bundle}/rootfs`;
  return root.path.startsWith("/") ? root.path : `${bundle}/${root.path}`;
}
