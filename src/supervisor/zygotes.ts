/** The zygotes of a group: one for modules that are compiled before they run, one for large ones, when there is such. */

import type { Compilation } from "../engine/compilation.ts";
import type { LineConnection } from "./lines.ts";
import { type ForkRequest, Zygote, type ZygoteOptions } from "./zygote.ts";

export class Zygotes {
  readonly #eager: Zygote;
  readonly #lazy: Zygote;

  constructor(options: Omit<ZygoteOptions, "compilation">) {
    this.#eager = new Zygote({ ...options, compilation: "eager" });
    this.#lazy = new Zygote({ ...options, compilation: "lazy" });
  }

  /** The launcher can start the one that most modules need: whether it is waited for. */
  expect(): boolean {
    return this.#eager.expect();
  }

  /** Start the one that most modules need, unless it runs. Returns before it is ready. */
  start(): void {
    this.#eager.start();
  }

  /** The connection of one has come. */
  connected(connection: LineConnection, compilation: Compilation): void {
    (compilation === "lazy" ? this.#lazy : this.#eager).connected(connection);
  }

  /** Whether one needs no more than its bytes to run the module of this SHA-256, in hex. */
  hasCompiled(digest: string): boolean {
    return this.#eager.hasCompiled(digest) || this.#lazy.hasCompiled(digest);
  }

  /**
   * Fork one. When this returns, the process's monitor will connect.
   * @throws ShimError of the kind the zygote answered; Unavailable when no zygote lives long enough.
   */
  async fork(request: ForkRequest): Promise<void> {
    if (await this.#eager.fork(request) === "large") await this.#lazy.fork(request);
  }

  /** End them. Containers that they forked go on. */
  async stop(): Promise<void> {
    await Promise.all([this.#eager.stop(), this.#lazy.stop()]);
  }
}
