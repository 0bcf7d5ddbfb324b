import assert from "node:assert/strict";
import { type Kind, ShimError } from "../errdefs/mod.ts";
import { ttrpc } from "../proto/mod.ts";
import { Client } from "./client.ts";
import { encodeFrame, MAX_PAYLOAD_LENGTH, MESSAGE_TYPE } from "./frame.ts";
import { RawConnection, SocketPath } from "./testing/sockets.ts";

const EMPTY = new Uint8Array();

function rejects(promise: Promise<unknown>, kind: Kind, message: string): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof ShimError, String(error));
    assert.deepEqual([error.kind, error.message], [kind, message]);
    return true;
  });
}

/** A client, and the server's end of its connection as raw frames. */
async function pair(): Promise<{ client: Client; raw: RawConnection } & Disposable> {
  const socket = new SocketPath();
  const listener = Deno.listen({ transport: "unix", path: socket.path });
  const [client, conn] = await Promise.all([Client.connect(socket.path), listener.accept()]);
  listener.close();
  const raw = new RawConnection(conn);
  return {
    client,
    raw,
    [Symbol.dispose]() {
      client.close();
      raw[Symbol.dispose]();
      socket[Symbol.dispose]();
    },
  };
}

function responseFrame(streamId: number, payload: Uint8Array): Uint8Array {
  return encodeFrame(streamId, MESSAGE_TYPE.response, ttrpc.Response.encode({ payload }));
}

Deno.test("Client.call() sends service, method, payload, deadline and metadata", async () => {
  using it = await pair();
  const call = it.client.call("s.S", "M", Uint8Array.of(1), {
    timeoutMs: 5000,
    metadata: { "containerd-namespace-ttrpc": "ns" },
  });
  const frame = (await it.raw.read())!;
  assert.deepEqual([frame.streamId, frame.type, frame.flags], [1, MESSAGE_TYPE.request, 0]);
  assert.deepEqual(ttrpc.Request.decode(frame.payload), {
    service: "s.S",
    method: "M",
    payload: Uint8Array.of(1),
    timeoutNano: 5_000_000_000n,
    metadata: [{ key: "containerd-namespace-ttrpc", value: "ns" }],
  });
  await it.raw.write(responseFrame(1, Uint8Array.of(2)));
  assert.deepEqual(await call, Uint8Array.of(2));
});

Deno.test("Client takes answers in any order and ignores those nobody awaits", async () => {
  using it = await pair();
  const calls = [1, 2, 3].map(() => it.client.call("s", "m", EMPTY));
  const ids = [];
  for (const _ of calls) ids.push((await it.raw.read())!.streamId);
  assert.deepEqual(ids, [1, 3, 5]);
  for (const id of [99, 5, 3, 5, 1]) await it.raw.write(responseFrame(id, Uint8Array.of(id)));
  assert.deepEqual((await Promise.all(calls)).map(([id]) => id), ids);
});

Deno.test("Client.call() rejects with DeadlineExceeded, and the connection stays", async () => {
  using it = await pair();
  await rejects(
    it.client.call("s", "m", EMPTY, { timeoutMs: 10 }),
    "DeadlineExceeded",
    "context deadline exceeded",
  );
  const next = it.client.call("s", "m", EMPTY);
  await it.raw.write(responseFrame(1, Uint8Array.of(1)));
  await it.raw.write(responseFrame(3, Uint8Array.of(3)));
  assert.deepEqual(await next, Uint8Array.of(3));
});

Deno.test("Client rejects all calls when the connection drops, and those after it", async () => {
  using it = await pair();
  const message = "connection: closed by the server";
  const calls = [1, 2].map(() => rejects(it.client.call("s", "m", EMPTY), "Unavailable", message));
  await it.raw.read();
  it.raw.conn.closeWrite();
  await Promise.all(calls);
  await it.client.ended;
  await rejects(it.client.call("s", "m", EMPTY), "Unavailable", message);
});

Deno.test("Client.close() rejects calls in flight and those after it", async () => {
  using it = await pair();
  const call = rejects(it.client.call("s", "m", EMPTY), "Unavailable", "client: closed");
  it.client.close();
  await call;
  await it.client.ended;
  await rejects(it.client.call("s", "m", EMPTY), "Unavailable", "client: closed");
});

Deno.test("Client.call() refuses an oversize request and uses no stream id for it", async () => {
  using it = await pair();
  await assert.rejects(
    it.client.call("s", "m", new Uint8Array(MAX_PAYLOAD_LENGTH)),
    (error) => error instanceof ShimError && error.kind === "ResourceExhausted",
  );
  const call = it.client.call("s", "m", EMPTY);
  assert.equal((await it.raw.read())!.streamId, 1);
  await it.raw.write(responseFrame(1, EMPTY));
  await call;
});

Deno.test.each<[string, Uint8Array, Kind, string]>([
  [
    "data",
    encodeFrame(1, MESSAGE_TYPE.data, EMPTY),
    "Internal",
    "receive response: message type 3",
  ],
  [
    "no Response",
    encodeFrame(1, MESSAGE_TYPE.response, Uint8Array.of(0x12, 3)),
    "InvalidArgument",
    "decode ttrpc.Response: index out of range: 2 + 3 > 2",
  ],
  [
    "a code that gRPC does not name",
    encodeFrame(1, 2, ttrpc.Response.encode({ status: { code: 99, message: "odd" } })),
    "Unknown",
    "odd",
  ],
  [
    "no frame",
    new TextEncoder().encode("HTTP/1.1 400 Bad Request"),
    "Unavailable",
    "connection: frame length: 1213486160",
  ],
])("Client rejects a call answered by %s", async (_name, bytes, kind, message) => {
  using it = await pair();
  const call = rejects(it.client.call("s", "m", EMPTY), kind, message);
  await it.raw.read();
  await it.raw.write(bytes);
  await call;
});

Deno.test("Client.connect() rejects with Unavailable where nobody listens", async () => {
  await rejects(
    Client.connect("/nonexistent/s.sock"),
    "Unavailable",
    "connect /nonexistent/s.sock: No such file or directory (os error 2)",
  );
});
