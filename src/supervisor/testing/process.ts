/** A process of which everything is real but itself: the test plays its monitor. */

import type { StdioPaths, Streams } from "../../stdio/mod.ts";
import type { ProcessIdentity } from "../identity.ts";
import { Monitor } from "../monitor.ts";
import type { Launched } from "../process.ts";
import { Pair } from "./pair.ts";

export const NO_STDIO: StdioPaths = { stdin: "", stdout: "", stderr: "", terminal: false };

/** How a test's processes end, in the words of a monitor and as Exit. */
export const AT = "1700000000 5";
export const ENDED_AT = { seconds: 1700000000, nanos: 5 };

/** A pid that no process has: PID_MAX_LIMIT is 2^22, proc_sys_kernel(5). */
export const NOBODY = 2 ** 22 + 1;

export class TestProcess implements Disposable {
  readonly launched: Launched;
  /** What its streams' end waits for. */
  closing: Promise<void> = Promise.resolve();
  streamsClosed = false;

  private constructor(readonly pair: Pair, identity: ProcessIdentity) {
    const streams: Streams = {
      ...NO_STDIO,
      logs: [],
      held() {},
      close: () => {
        this.streamsClosed = true;
        return this.closing;
      },
    };
    this.launched = { ...identity, monitor: new Monitor(pair.near), streams };
  }

  /** One of the pid, which may be nobody's: an empty start time is no process's. */
  static async create(pid: number, startTime = ""): Promise<TestProcess> {
    return new TestProcess(await Pair.connect(), { pid, startTime });
  }

  /** The line that the monitor is sent next. */
  heard(): Promise<string | null> {
    return this.pair.far.read();
  }

  /** The monitor says a line. */
  async says(line: string): Promise<void> {
    await this.pair.far.write(`${line}\n`);
  }

  /** The monitor ends. */
  hangUp(): void {
    this.pair.far[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.pair[Symbol.dispose]();
  }
}
