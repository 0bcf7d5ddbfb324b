/** The server's side of ttRPC: see PROTOCOL.md. */

import { ShimError } from "../errdefs/mod.ts";
import type { Logger } from "../log/mod.ts";
import type { Connection } from "./channel.ts";
import { ServerConnection } from "./server_connection.ts";
import { type Interceptor, Registry, type Service } from "./service.ts";

const MIN_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 1000;

/** The part of Deno.Listener that a server uses. */
export interface Listener {
  accept(): Promise<Connection>;
  close(): void;
}

export interface ServerOptions {
  /** Wraps every call of a method, for logs and traces. */
  intercept?: Interceptor;
  /** Told of connections that end badly and of failures to accept one. */
  log?: Logger;
}

/** Serves calls on any number of listeners and connections. */
export class Server {
  readonly #registry: Registry;
  readonly #intercept: Interceptor;
  readonly #log: Logger | undefined;
  readonly #listeners = new Set<Listener>();
  readonly #connections = new Set<ServerConnection>();
  #closing = false;

  /** Throws AlreadyExists when two services have one name. */
  constructor(services: readonly Service[], { intercept, log }: ServerOptions = {}) {
    this.#registry = new Registry(services);
    this.#intercept = intercept ?? ((_context, next) => next());
    this.#log = log;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Accepts connections until `close`, or until `listener` is closed. Takes ownership of it. */
  async serve(listener: Listener): Promise<void> {
    if (this.#closing) {
      listener.close();
      return;
    }
    this.#listeners.add(listener);
    let backoffMs = MIN_BACKOFF_MS;
    while (this.#listeners.has(listener)) {
      try {
        this.#start(await listener.accept());
        backoffMs = MIN_BACKOFF_MS;
      } catch (error) {
        if (!this.#listeners.has(listener)) return;
        if (error instanceof Deno.errors.BadResource) {
          this.#listeners.delete(listener);
          return;
        }
        // Too many open files, most likely: some will be closed.
        this.#log?.error("cannot accept connection", { error, backoffMs });
        await new Promise((resolve) => setTimeout(resolve, backoffMs));
        backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS);
      }
    }
  }

  /**
   * Stops accepting connections and calls, gives the calls in flight `graceMs` to be answered, answers
   * Unavailable to the rest, writes all answers out, and closes the connections. A handler may start
   * this but must not wait for it: it waits for the handler's answer.
   */
  async close(graceMs = 1000): Promise<void> {
    this.#closing = true;
    for (const listener of this.#listeners) {
      this.#listeners.delete(listener);
      listener.close();
    }
    await Promise.all([...this.#connections].map((connection) => connection.close(graceMs)));
  }

  #start(connection: Connection): void {
    if (this.#closing) {
      connection.close();
      return;
    }
    const served = new ServerConnection(connection, this.#registry, this.#intercept);
    this.#connections.add(served);
    served.run()
      .catch((error) => this.#log?.warn("connection ended", { error: ShimError.from(error) }))
      .finally(() => this.#connections.delete(served));
  }
}
