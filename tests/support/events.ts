import type { Running } from "./command.ts";
import { waitFor } from "./wait.ts";

/** One line of `ctr events`. */
export interface Event {
  /** As printed: "2026-01-31 12:00:00.123456789 +0000 UTC". */
  timestamp: string;
  namespace: string;
  /** Such as "/tasks/exit". */
  topic: string;
  /** The event's fields as containerd's JSON names them, such as container_id. */
  fields: Record<string, unknown>;
}

/** What a private containerd publishes, from the moment of the subscription on. */
export class Events implements AsyncDisposable {
  readonly #ctr: Running;

  /** Takes over a running `ctr events`; use `Daemon.events`. */
  constructor(ctr: Running) {
    this.#ctr = ctr;
  }

  /** Everything published so far, in order. */
  get list(): Event[] {
    return this.#ctr.out.split("\n").slice(0, -1).map(parseEvent);
  }

  /** The topics of container `id` so far, in order. */
  topics(id: string): string[] {
    return this.list.filter((event) => event.fields.container_id === id).map(({ topic }) => topic);
  }

  /** Waits for an event of `topic` of container `id` and returns the first. */
  async waitFor(topic: string, id: string, timeoutMs?: number): Promise<Event> {
    const find = () =>
      this.list.find((event) => event.topic === topic && event.fields.container_id === id);
    try {
      return await waitFor(`event ${topic} of ${id}`, find, timeoutMs);
    } catch (error) {
      throw new Error(`${(error as Error).message}: seen ${this.topics(id)}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ctr.kill();
    await this.#ctr.result;
  }
}

/** Parses one line. @throws Error when it is not of the form `DATE TIME ZONE NAME NAMESPACE TOPIC JSON`. */
export function parseEvent(line: string): Event {
  const match = /^(\S+ \S+ \S+ \S+) (\S+) (\/\S+) (\{.*\})$/.exec(line);
  if (!match) throw new Error(`parse event: unexpected line: ${line}`);
  const [, timestamp, namespace, topic, fields] = match;
  return { timestamp, namespace, topic, fields: JSON.parse(fields) };
}
