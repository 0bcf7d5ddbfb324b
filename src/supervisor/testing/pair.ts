/** Connected unix sockets, for tests. */

import { SocketPath } from "../../ttrpc/testing/sockets.ts";
import { LineConnection } from "../lines.ts";

/** Both ends of one connection: `near` belongs to what is tested, `far` to the test. */
export class Pair implements Disposable {
  private constructor(readonly near: LineConnection, readonly far: LineConnection) {}

  static async connect(): Promise<Pair> {
    using socket = new SocketPath();
    using listener = Deno.listen({ transport: "unix", path: socket.path });
    const [near, far] = await Promise.all([
      listener.accept(),
      Deno.connect({ transport: "unix", path: socket.path }),
    ]);
    return new Pair(new LineConnection(near), new LineConnection(far));
  }

  [Symbol.dispose](): void {
    this.near[Symbol.dispose]();
    this.far[Symbol.dispose]();
  }
}

/** What has become of `promise` after everything that can happen now has happened. */
export async function stateOf(promise: Promise<unknown>): Promise<"pending" | "settled"> {
  let state: "pending" | "settled" = "pending";
  const settle = () => state = "settled";
  promise.then(settle, settle);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return state;
}
