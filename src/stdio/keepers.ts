/** The FIFOs of a container that the shim holds open. */

import type { Op } from "../linux/plan.ts";
import { type StdioPaths, stdioPlan } from "./plan.ts";

const STDIN = 0;

/**
 * Holds each FIFO, so that a client that goes away (a restart of containerd) neither kills the guest with SIGPIPE nor
 * ends its input.
 *
 * Deno has no O_NONBLOCK, and opening one end of a FIFO waits for the other; opening both at once (O_RDWR) never waits
 * on Linux. So what is held is a writer, too: a client reads end of file only after `close`, which must follow the
 * guest's end at once. What is written stays in the FIFO for a client that has it open.
 */
export class Stdio implements Disposable {
  /** What init opens as descriptors 0 to 2. */
  readonly ops: readonly Op[];
  readonly #held = new Map<number, Deno.FsFile>();

  /**
   * Make the folders of logs, and hold every FIFO. Files of other kinds need nobody.
   * @throws ShimError as stdioPlan(); Deno.errors.NotFound: a path that is not there.
   */
  constructor(paths: StdioPaths) {
    const plan = stdioPlan(paths);
    this.ops = plan.ops;
    try {
      for (const folder of plan.folders) Deno.mkdirSync(folder, { recursive: true });
      for (const { path, fd } of plan.keepers) {
        if (!Deno.statSync(path).isFifo) continue;
        this.#held.set(fd, Deno.openSync(path, { read: true, write: true }));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The guest reads end of file once its clients have closed stdin, too. No failure when it is closed. */
  closeStdin(): void {
    this.#release(STDIN);
  }

  /** Let go of everything: clients read end of file once the guest has ended, too. No failure when that is done. */
  close(): void {
    for (const fd of [...this.#held.keys()]) this.#release(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #release(fd: number): void {
    this.#held.get(fd)?.close();
    this.#held.delete(fd);
  }
}
