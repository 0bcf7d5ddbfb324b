/**
 * Publishes task events to containerd:
 * https://github.com/containerd/containerd/blob/v2.1.4/docs/runtime-v2.md#events
 */

import { ShimError } from "../errdefs/mod.ts";
import type { Logger } from "../log/mod.ts";
import {
  type Envelope,
  Events,
  events,
  ForwardRequest,
  type Init,
  type MessageType,
  nowTimestamp,
  type Timestamp,
} from "../proto/mod.ts";
import { Client } from "../ttrpc/mod.ts";
import { settledWithin } from "../ttrpc/timeout.ts";

const CALL_TIMEOUT_MS = 5000;
const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2000;
const CAPACITY = 2048;
/** How often an event is sent that containerd, though reachable, does not take. */
const MAX_REFUSALS = 5;

/** The topic of each event, by the name of its type. */
const TOPICS: ReadonlyMap<string, string> = new Map([
  [events.TaskCreate.name, "/tasks/create"],
  [events.TaskStart.name, "/tasks/start"],
  [events.TaskExit.name, "/tasks/exit"],
  [events.TaskDelete.name, "/tasks/delete"],
  [events.TaskOOM.name, "/tasks/oom"],
  [events.TaskExecAdded.name, "/tasks/exec-added"],
  [events.TaskExecStarted.name, "/tasks/exec-started"],
  [events.TaskPaused.name, "/tasks/paused"],
  [events.TaskResumed.name, "/tasks/resumed"],
  [events.TaskCheckpointed.name, "/tasks/checkpointed"],
]);

/** The part of a ttRPC client that publishing needs. */
export type EventClient = Pick<Client, "call" | "close" | "ended">;

export interface PublisherOptions {
  /** TTRPC_ADDRESS: the path of a unix socket, with or without "unix://". */
  address: string;
  /** containerd's namespace. */
  namespace: string;
  log?: Logger;
  /** Connects to a socket. */
  dial?: (path: string) => Promise<EventClient>;
  /** Resolves after `ms`, or once `signal` aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  now?: () => Timestamp;
  /** How many events wait while containerd is away; beyond it the oldest are dropped. */
  capacity?: number;
}

interface Queued {
  readonly topic: string;
  readonly request: Uint8Array;
}

/**
 * Sends events one at a time, in the order they were published. An event that fails is sent again until
 * it succeeds, so a later one never overtakes it; containerd may see one twice. It connects at the
 * first event, and again whenever containerd restarts.
 */
export class Publisher {
  readonly #path: string;
  readonly #namespace: string;
  readonly #log: Logger | undefined;
  readonly #dial: NonNullable<PublisherOptions["dial"]>;
  readonly #sleep: NonNullable<PublisherOptions["sleep"]>;
  readonly #now: NonNullable<PublisherOptions["now"]>;
  readonly #capacity: number;
  readonly #closed = new AbortController();
  /** While draining, the first is being sent. */
  readonly #queue: Queued[] = [];
  #draining: Promise<void> | undefined;
  #client: EventClient | undefined;
  #dropped = 0;
  #unreported = 0;

  /** Throws InvalidArgument when `address` is empty. */
  constructor(options: PublisherOptions) {
    this.#path = options.address.replace(/^unix:\/\//, "");
    if (this.#path === "") {
      throw new ShimError("InvalidArgument", `events address: "${options.address}"`);
    }
    this.#namespace = options.namespace;
    this.#log = options.log;
    this.#dial = options.dial ?? Client.connect;
    this.#sleep = options.sleep ?? sleep;
    this.#now = options.now ?? nowTimestamp;
    this.#capacity = options.capacity ?? CAPACITY;
  }

  /** Events that were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Queues an event of one of the types of containerd.events, with the time of now. Never waits, and
   * throws only at a `type` that is no event.
   */
  publish<T extends object>(type: MessageType<T>, event: Init<T>): void {
    const topic = TOPICS.get(type.name);
    if (topic === undefined) throw new ShimError("Internal", `publish: ${type.name} has no topic`);
    const envelope: Init<Envelope> = {
      timestamp: this.#now(),
      namespace: this.#namespace,
      topic,
      event: { typeUrl: type.name, value: type.encode(event) },
    };
    this.#queue.push({ topic, request: ForwardRequest.encode({ envelope }) });
    if (this.#closed.signal.aborted) return;
    if (this.#queue.length > this.#capacity) {
      const [oldest] = this.#queue.splice(this.#draining === undefined ? 0 : 1, 1);
      this.#drop(oldest, "event queue is full, dropping the oldest");
    }
    this.#draining ??= this.#drain();
  }

  /** Waits until every event is sent. Answers false when some are not after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<boolean> {
    if (this.#draining !== undefined) await settledWithin(this.#draining, timeoutMs);
    return this.#queue.length === 0;
  }

  /** Disconnects and sends nothing more. */
  close(): void {
    this.#closed.abort();
    this.#client?.close();
  }

  /** Sends until the queue is empty or `close`. */
  async #drain(): Promise<void> {
    let refusals = 0;
    let backoffMs = MIN_BACKOFF_MS;
    while (this.#queue.length > 0 && !this.#closed.signal.aborted) {
      const head = this.#queue[0];
      try {
        await this.#send(head);
        this.#queue.shift();
        this.#reportDropped();
        refusals = 0;
        backoffMs = MIN_BACKOFF_MS;
      } catch (error) {
        if (this.#closed.signal.aborted) break;
        if (!isTransient(error) && ++refusals === MAX_REFUSALS) {
          this.#queue.shift();
          this.#drop(head, "containerd refused event", error);
          refusals = 0;
          continue;
        }
        this.#log?.debug("cannot publish event", { topic: head.topic, error, backoffMs });
        await this.#sleep(backoffMs, this.#closed.signal);
        backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS);
      }
    }
    // At once, not in a later microtask: an event published in between would never be sent.
    this.#draining = undefined;
  }

  async #send({ request }: Queued): Promise<void> {
    const client = this.#client ??= await this.#connect();
    try {
      await client.call(Events.name, "Forward", request, {
        timeoutMs: CALL_TIMEOUT_MS,
        metadata: { "containerd-namespace-ttrpc": this.#namespace },
      });
    } catch (error) {
      if (isTransient(error)) this.#disconnect(client);
      throw error;
    }
  }

  async #connect(): Promise<EventClient> {
    const client = await this.#dial(this.#path);
    if (this.#closed.signal.aborted) client.close();
    client.ended.then(() => this.#disconnect(client));
    return client;
  }

  #disconnect(client: EventClient): void {
    if (this.#client === client) this.#client = undefined;
    client.close();
  }

  #drop({ topic }: Queued, message: string, error?: unknown): void {
    this.#dropped++;
    if (this.#unreported++ === 0) this.#log?.warn(message, { topic, error });
  }

  #reportDropped(): void {
    if (this.#unreported === 0) return;
    this.#log?.warn("events were dropped", { dropped: this.#unreported });
    this.#unreported = 0;
  }
}

/** Whether `error` says that containerd was not there, rather than that it said no. */
function isTransient(error: unknown): boolean {
  const { kind } = ShimError.from(error);
  return kind === "Unavailable" || kind === "DeadlineExceeded" || kind === "Canceled";
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
