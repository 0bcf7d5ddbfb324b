/**
 * The control socket: where the zygote, the monitors and other invocations of the shim find the supervisor. The first line of a connection says who it
 * is; see docs/architecture.md.
 */

import type { Compilation } from "../engine/compilation.ts";
import { ShimError } from "../errdefs/mod.ts";
import { LineConnection } from "./lines.ts";

/** Who may connect. Each handler owns the connection that it gets. */
export interface ControlHandlers {
  zygote(connection: LineConnection, compilation: Compilation): void;
  monitor(connection: LineConnection, key: string): void;
  /**
   * Another `start`, of the container `id` whose bundle that is: answered with `refused`, or when this supervisor will
   * serve it with `address ADDRESS`, or `address ADDRESS CONTROL` when the zygote that this `start` can boot is needed.
   */
  start(id: string, hasZygote: boolean, bundle: string): string;
  /** A `delete` of the container `id`: answered with `deleted PID CODE SECONDS NANOSECONDS`, or `deleted PID` if its exit is not known. */
  deleteTask(id: string): Promise<string>;
  /** A `delete` is answered: no Shutdown may come for its container. */
  released(): void;
}

/** Serve connections until `listener` is closed. */
export async function serveControl(
  listener: Deno.Listener,
  handlers: ControlHandlers,
): Promise<void> {
  for await (const conn of listener) {
    // One connection's failure is that connection's alone.
    greet(new LineConnection(conn), handlers).catch(() => {});
  }
}

async function greet(connection: LineConnection, handlers: ControlHandlers): Promise<void> {
  const [who, id, ...more] = (await connection.read())?.split(" ") ?? [];
  if (who === "zygote") return handlers.zygote(connection, id === "lazy" ? "lazy" : "eager");
  if (who === "monitor") return handlers.monitor(connection, id);
  using _ = connection;
  if (who === "ping") await connection.write("ok\n");
  if (who === "start") {
    const [zygote, ...bundle] = more;
    await connection.write(`${handlers.start(id, zygote === "1", bundle.join(" "))}\n`);
  }
  if (who === "delete") {
    const answer = await handlers.deleteTask(id).catch((error) => ShimError.from(error).message);
    await connection.write(`${answer.replaceAll("\n", " ")}\n`).catch(() => {});
    handlers.released();
  }
}

/**
 * Ask the supervisor that listens on `path` one question.
 * @returns its answer, or null when nobody listens or it went away.
 */
export async function askSupervisor(path: string, question: string): Promise<string | null> {
  let conn: Deno.Conn;
  try {
    conn = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    const gone = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.ConnectionRefused;
    if (gone) return null;
    throw ShimError.from(error);
  }
  using connection = new LineConnection(conn);
  try {
    await connection.write(`${question}\n`);
  } catch {
    return null; // it went away in between
  }
  return await connection.read();
}
