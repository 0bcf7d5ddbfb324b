import assert from "node:assert/strict";
import { ShimError } from "../errdefs/mod.ts";
import type { Fields, Logger } from "../log/mod.ts";
import { type Envelope, Events, events, type MessageType, type Timestamp } from "../proto/mod.ts";
import { type CallContext, Client, implement, Server } from "../ttrpc/mod.ts";
import { SocketPath } from "../ttrpc/testing/sockets.ts";
import { type EventClient, Publisher } from "./events.ts";

const NOW: Timestamp = { seconds: 1_700_000_000n, nanos: 5 };

/** containerd's event service on a socket, which can go away and come back. */
class FakeContainerd implements AsyncDisposable {
  readonly envelopes: Envelope[] = [];
  readonly #socket = new SocketPath();
  #server: Server | undefined;
  #served: Promise<void> | undefined;
  /** Called before an event counts; what it throws is the answer. */
  onForward: (envelope: Envelope, context: CallContext) => void | Promise<void> = () => {};

  get path(): string {
    return this.#socket.path;
  }

  /** The pids of the events, all of which are TaskStart. */
  get pids(): number[] {
    return this.envelopes.map(({ event }) => events.TaskStart.decode(event!.value).pid);
  }

  start(): void {
    this.#server = new Server([implement(Events, {
      Forward: async ({ envelope }, context) => {
        await this.onForward(envelope!, context);
        this.envelopes.push(envelope!);
        return {};
      },
    })]);
    this.#served = this.#server.serve(Deno.listen({ transport: "unix", path: this.path }));
  }

  async stop(): Promise<void> {
    await this.#server?.close(0);
    await this.#served;
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#socket[Symbol.dispose]();
  }
}

class Recorder implements Logger {
  readonly records: [string, Fields | undefined][] = [];
  debug(): void {}
  info(): void {}
  error(): void {}
  warn(message: string, fields?: Fields): void {
    this.records.push([message, fields]);
  }
  with(): Logger {
    return this;
  }
}

/** Sleeps that take no time; `onSleep` runs in each. */
function clock(onSleep: (count: number) => void | Promise<void> = () => {}) {
  const sleeps: number[] = [];
  const sleep = async (ms: number) => {
    sleeps.push(ms);
    await onSleep(sleeps.length);
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { sleeps, sleep };
}

function publishAll(publisher: Publisher, pids: number[]): void {
  for (const pid of pids) publisher.publish(events.TaskStart, { containerId: "c", pid });
}

Deno.test("Publisher forwards an envelope with namespace, topic, time and type", async () => {
  await using containerd = new FakeContainerd();
  containerd.start();
  let seen: CallContext | undefined;
  containerd.onForward = (_envelope, context) => void (seen = context);
  const address = `unix://${containerd.path}`;
  const publisher = new Publisher({ address, namespace: "k8s.io", now: () => NOW });
  const exit = { containerId: "c", id: "c", pid: 7, exitStatus: 42, exitedAt: NOW };
  publisher.publish(events.TaskExit, exit);
  assert.equal(await publisher.flush(5000), true);
  publisher.close();
  const [{ event, ...rest }] = containerd.envelopes;
  assert.deepEqual(rest, { timestamp: NOW, namespace: "k8s.io", topic: "/tasks/exit" });
  assert.equal(event!.typeUrl, "containerd.events.TaskExit");
  assert.deepEqual(events.TaskExit.decode(event!.value), exit);
  assert.equal(seen!.metadata.get("containerd-namespace-ttrpc"), "k8s.io");
});

Deno.test("Publisher gives every event its topic", async () => {
  await using containerd = new FakeContainerd();
  containerd.start();
  const publisher = new Publisher({ address: containerd.path, namespace: "ns" });
  const { TaskIO: _, ...types } = events;
  for (const type of Object.values(types)) publisher.publish(type as MessageType<object>, {});
  assert.equal(await publisher.flush(5000), true);
  publisher.close();
  const topics = containerd.envelopes.map(({ topic, event }) => [event!.typeUrl.slice(22), topic]);
  assert.deepEqual(Object.fromEntries(topics), {
    Checkpointed: "/tasks/checkpointed",
    Create: "/tasks/create",
    Delete: "/tasks/delete",
    ExecAdded: "/tasks/exec-added",
    ExecStarted: "/tasks/exec-started",
    Exit: "/tasks/exit",
    OOM: "/tasks/oom",
    Paused: "/tasks/paused",
    Resumed: "/tasks/resumed",
    Start: "/tasks/start",
  });
  assert.throws(
    () => publisher.publish(events.TaskIO, {}),
    /containerd\.events\.TaskIO has no topic/,
  );
});

Deno.test("Publisher keeps the order when calls fail", async () => {
  await using containerd = new FakeContainerd();
  containerd.start();
  let calls = 0;
  containerd.onForward = () => {
    if (++calls % 3 !== 0) throw new ShimError("Unavailable", "forward: not now");
  };
  const { sleep } = clock();
  const publisher = new Publisher({ address: containerd.path, namespace: "ns", sleep });
  publishAll(publisher, [1, 2, 3, 4, 5]);
  assert.equal(await publisher.flush(5000), true);
  publisher.close();
  assert.deepEqual(containerd.pids, [1, 2, 3, 4, 5]);
});

Deno.test("Publisher connects again, in order, when containerd comes late and restarts", async () => {
  await using containerd = new FakeContainerd();
  const { sleeps, sleep } = clock((count) => {
    if (count === 4) containerd.start();
  });
  const publisher = new Publisher({ address: containerd.path, namespace: "ns", sleep });
  publishAll(publisher, [1, 2, 3]);
  assert.equal(await publisher.flush(5000), true);
  assert.deepEqual(sleeps, [50, 100, 200, 400]);
  await containerd.stop();
  containerd.start();
  publishAll(publisher, [4]);
  assert.equal(await publisher.flush(5000), true);
  publisher.close();
  assert.deepEqual(containerd.pids, [1, 2, 3, 4]);
});

Deno.test("Publisher sends an event again that was in flight when containerd stopped", async () => {
  await using containerd = new FakeContainerd();
  containerd.start();
  const inFlight = Promise.withResolvers<void>();
  containerd.onForward = () => {
    inFlight.resolve();
    return new Promise(() => {});
  };
  const { sleep } = clock();
  const publisher = new Publisher({ address: containerd.path, namespace: "ns", sleep });
  publishAll(publisher, [1, 2]);
  await inFlight.promise;
  await containerd.stop();
  containerd.onForward = () => {};
  containerd.start();
  assert.equal(await publisher.flush(5000), true);
  publisher.close();
  assert.deepEqual(containerd.pids, [1, 2]);
});

Deno.test("Publisher backs off up to a limit", async () => {
  const { sleeps, sleep } = clock((count) => {
    if (count === 9) publisher.close();
  });
  const dial = () => Promise.reject(new ShimError("Unavailable", "connect: refused"));
  const publisher = new Publisher({ address: "/x", namespace: "ns", dial, sleep });
  publishAll(publisher, [1]);
  assert.equal(await publisher.flush(5000), false);
  assert.deepEqual(sleeps, [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000]);
});

Deno.test("Publisher gives up an event that containerd refuses five times", async () => {
  await using containerd = new FakeContainerd();
  containerd.start();
  let refused = 0;
  containerd.onForward = ({ event }) => {
    if (events.TaskStart.decode(event!.value).pid !== 2) return;
    refused++;
    throw new ShimError("InvalidArgument", "envelope: bad");
  };
  const log = new Recorder();
  const { sleep } = clock();
  const publisher = new Publisher({ address: containerd.path, namespace: "ns", log, sleep });
  publishAll(publisher, [1, 2, 3]);
  assert.equal(await publisher.flush(5000), true);
  publisher.close();
  assert.deepEqual([containerd.pids, refused, publisher.dropped], [[1, 3], 5, 1]);
  assert.equal(log.records[0][0], "containerd refused event");
});

Deno.test("Publisher drops the oldest events beyond its capacity and says how many", async () => {
  await using containerd = new FakeContainerd();
  containerd.start();
  const gate = Promise.withResolvers<void>();
  containerd.onForward = () => gate.promise;
  const log = new Recorder();
  const options = { address: containerd.path, namespace: "ns", log, capacity: 3 };
  const publisher = new Publisher(options);
  publishAll(publisher, [1, 2, 3, 4, 5, 6]);
  gate.resolve();
  assert.equal(await publisher.flush(5000), true);
  publisher.close();
  assert.deepEqual(containerd.pids, [1, 5, 6], "the first was in flight");
  assert.equal(publisher.dropped, 3);
  assert.deepEqual(log.records, [
    ["event queue is full, dropping the oldest", { topic: "/tasks/start", error: undefined }],
    ["events were dropped", { dropped: 3 }],
  ]);
});

Deno.test("Publisher.flush() answers false when containerd stays away", async () => {
  const dial = () => Promise.reject(new ShimError("Unavailable", "connect: refused"));
  const publisher = new Publisher({ address: "/x", namespace: "ns", dial });
  assert.equal(await publisher.flush(10), true, "nothing to send");
  publishAll(publisher, [1]);
  assert.equal(await publisher.flush(20), false);
  publisher.close();
  await publisher.flush(1000); // the pause between two attempts ends with close()
});

Deno.test("Publisher does not connect before the first event", async () => {
  await using containerd = new FakeContainerd();
  containerd.start();
  const paths: string[] = [];
  const dial = (path: string): Promise<EventClient> => {
    paths.push(path);
    return Client.connect(path);
  };
  const publisher = new Publisher({ address: containerd.path, namespace: "ns", dial });
  assert.equal(await publisher.flush(10), true);
  assert.deepEqual(paths, []);
  publishAll(publisher, [1, 2]);
  await publisher.flush(5000);
  publisher.close();
  assert.deepEqual(paths, [containerd.path]);
});

Deno.test("new Publisher() refuses an empty address", () => {
  for (const address of ["", "unix://"]) {
    assert.throws(
      () => new Publisher({ address, namespace: "ns" }),
      (error) => error instanceof ShimError && error.kind === "InvalidArgument",
    );
  }
});
