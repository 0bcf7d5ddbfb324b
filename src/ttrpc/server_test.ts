import assert from "node:assert/strict";
import { CODES, type Kind, ShimError } from "../errdefs/mod.ts";
import { type Init, task, TaskV3, ttrpc } from "../proto/mod.ts";
import { Client } from "./client.ts";
import { encodeFrame, MAX_PAYLOAD_LENGTH, MESSAGE_TYPE } from "./frame.ts";
import { Server } from "./server.ts";
import { type CallContext, implement, type Service } from "./service.ts";
import { RawConnection, TestServer } from "./testing/sockets.ts";

const NAME = "test.Echo";
const EMPTY = new Uint8Array();
const text = (value: string) => new TextEncoder().encode(value);

/** Methods: Echo; Stall, which ends only with its signal; Context; Fail; Big, n bytes. */
class Echo implements Service {
  readonly name = NAME;
  readonly stalled = Promise.withResolvers<CallContext>();
  readonly aborted = Promise.withResolvers<unknown>();
  context: CallContext | undefined;

  readonly methods = {
    Echo: (payload: Uint8Array) => payload,
    Stall: (_payload: Uint8Array, context: CallContext) => {
      context.signal.addEventListener("abort", () => this.aborted.resolve(context.signal.reason));
      this.stalled.resolve(context);
      return new Promise<Uint8Array>(() => {});
    },
    Context: (payload: Uint8Array, context: CallContext) => {
      this.context = context;
      return payload;
    },
    Fail: (payload: Uint8Array) => {
      const kind = new TextDecoder().decode(payload);
      if (kind === "") throw new Deno.errors.NotFound("open /x: no such file");
      throw new ShimError(kind as Kind, `fail: ${kind}`);
    },
    Big: (payload: Uint8Array) => new Uint8Array(Number(new TextDecoder().decode(payload))),
  };
}

function rejects(promise: Promise<unknown>, kind: Kind, message?: string): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof ShimError, String(error));
    assert.equal(error.kind, kind);
    if (message !== undefined) assert.equal(error.message, message);
    return true;
  });
}

function requestFrame(
  streamId: number,
  method: string,
  rest: Init<ttrpc.Request> = {},
): Uint8Array {
  const request = ttrpc.Request.encode({ service: NAME, method, ...rest });
  return encodeFrame(streamId, MESSAGE_TYPE.request, request);
}

/** The next answer on `raw`: its stream and status. */
async function answer(raw: RawConnection): Promise<[number, number, string]> {
  const frame = await raw.read();
  assert.ok(frame !== undefined, "the connection has ended");
  assert.equal(frame.type, MESSAGE_TYPE.response);
  const { status } = ttrpc.Response.decode(frame.payload);
  return [frame.streamId, status!.code, status!.message];
}

Deno.test("Server answers calls of every size up to the limit", async () => {
  await using served = new TestServer([new Echo()]);
  const client = await Client.connect(served.path);
  for (const length of [0, 1, 16 * 1024, 1_000_000, MAX_PAYLOAD_LENGTH - 100]) {
    const payload = new Uint8Array(length).fill(length % 251);
    assert.deepEqual(await client.call(NAME, "Echo", payload), payload);
  }
  client.close();
});

Deno.test("Server serves many calls on many connections at once", async () => {
  await using served = new TestServer([new Echo()]);
  const clients = await Promise.all(Array.from({ length: 5 }, () => Client.connect(served.path)));
  await Promise.all(clients.flatMap((client, c) =>
    Array.from({ length: 200 }, async (_, i) => {
      const payload = text(`${c}/${i} `.repeat(i));
      assert.deepEqual(await client.call(NAME, "Echo", payload), payload);
    })
  ));
  for (const client of clients) client.close();
});

Deno.test("Server answers other calls of a connection while one stalls", async () => {
  const echo = new Echo();
  await using served = new TestServer([echo]);
  const client = await Client.connect(served.path);
  const stalled = rejects(client.call(NAME, "Stall", EMPTY), "Unavailable");
  await echo.stalled.promise;
  assert.deepEqual(await client.call(NAME, "Echo", text("a")), text("a"));
  client.close();
  await stalled;
});

Deno.test("Server gives the handler service, method and metadata", async () => {
  const echo = new Echo();
  await using served = new TestServer([echo]);
  using raw = await RawConnection.connect(served.path);
  const metadata = [{ key: "Containerd-Namespace-ttrpc", value: "k8s.io" }, {
    key: "a",
    value: "1",
  }, {
    key: "A",
    value: "2",
  }];
  await raw.write(requestFrame(1, "Context", { metadata }));
  assert.deepEqual(await answer(raw), [1, 0, ""]);
  const { service, method, metadata: seen, signal } = echo.context!;
  assert.deepEqual([service, method], [NAME, "Context"]);
  assert.deepEqual([...seen], [["containerd-namespace-ttrpc", "k8s.io"], ["a", "1"]]);
  assert.equal(signal.aborted, false);
});

Deno.test("Server answers DeadlineExceeded and aborts the handler's signal", async () => {
  const echo = new Echo();
  await using served = new TestServer([echo]);
  using raw = await RawConnection.connect(served.path);
  await raw.write(requestFrame(1, "Stall", { timeoutNano: 20_000_000n }));
  assert.deepEqual(await answer(raw), [1, CODES.DeadlineExceeded, "context deadline exceeded"]);
  const reason = await echo.aborted.promise;
  assert.ok(reason instanceof ShimError && reason.kind === "DeadlineExceeded");
});

Deno.test("Server does not start a call whose deadline has passed", async () => {
  const echo = new Echo();
  await using served = new TestServer([echo]);
  using raw = await RawConnection.connect(served.path);
  await raw.write(requestFrame(1, "Context", { timeoutNano: -1n }));
  assert.deepEqual(await answer(raw), [1, CODES.DeadlineExceeded, "context deadline exceeded"]);
  assert.equal(echo.context, undefined);
});

Deno.test("Server takes deadlines beyond a timer's range for none", async () => {
  await using served = new TestServer([new Echo()]);
  using raw = await RawConnection.connect(served.path);
  await raw.write(requestFrame(1, "Echo", { timeoutNano: 2n ** 63n - 1n }));
  assert.deepEqual(await answer(raw), [1, 0, ""]);
});

Deno.test("Server aborts the handler's signal when the client goes", async () => {
  const echo = new Echo();
  await using served = new TestServer([echo]);
  const client = await Client.connect(served.path);
  const call = rejects(client.call(NAME, "Stall", EMPTY), "Unavailable");
  await echo.stalled.promise;
  client.close();
  const reason = await echo.aborted.promise;
  assert.ok(reason instanceof ShimError && reason.kind === "Canceled");
  await call;
});

Deno.test("Server answers a handler's error with its kind and message", async () => {
  await using served = new TestServer([new Echo()]);
  const client = await Client.connect(served.path);
  for (const kind of Object.keys(CODES) as Kind[]) {
    await rejects(client.call(NAME, "Fail", text(kind)), kind, `fail: ${kind}`);
  }
  await rejects(client.call(NAME, "Fail", EMPTY), "NotFound", "open /x: no such file");
  client.close();
});

Deno.test("Server answers Unimplemented in the words of Go's", async () => {
  await using served = new TestServer([new Echo()]);
  const client = await Client.connect(served.path);
  await rejects(client.call("no.Such", "Echo", EMPTY), "Unimplemented", "service no.Such");
  await rejects(client.call(NAME, "Nope", EMPTY), "Unimplemented", "method Nope");
  await rejects(client.call(NAME, "toString", EMPTY), "Unimplemented", "method toString");
  client.close();
});

Deno.test("Server skips an oversize request and keeps the connection", async () => {
  await using served = new TestServer([new Echo()]);
  using raw = await RawConnection.connect(served.path);
  const frame = new Uint8Array(10 + MAX_PAYLOAD_LENGTH + 5);
  new DataView(frame.buffer).setUint32(0, MAX_PAYLOAD_LENGTH + 5);
  frame.set([0, 0, 0, 1, 1, 0], 4);
  await raw.write(frame);
  await raw.write(requestFrame(3, "Echo"));
  assert.deepEqual(await answer(raw), [
    1,
    CODES.ResourceExhausted,
    "message length 4194309 exceed maximum message size of 4194304",
  ]);
  assert.deepEqual(await answer(raw), [3, 0, ""]);
});

Deno.test("Server answers ResourceExhausted for an oversize response", async () => {
  await using served = new TestServer([new Echo()]);
  const client = await Client.connect(served.path);
  await rejects(client.call(NAME, "Big", text(String(MAX_PAYLOAD_LENGTH))), "ResourceExhausted");
  assert.equal((await client.call(NAME, "Big", text("1000"))).length, 1000);
  client.close();
});

Deno.test.each<[string, Uint8Array, string]>([
  [
    "an even stream id",
    requestFrame(2, "Echo"),
    "StreamID must be odd for client initiated streams",
  ],
  ["stream id 0", requestFrame(0, "Echo"), "StreamID must be odd for client initiated streams"],
  ["a used stream id", requestFrame(99, "Echo"), "StreamID cannot be re-used and must increment"],
  [
    "no Request",
    encodeFrame(101, 1, Uint8Array.of(0x0a, 9)),
    "unmarshal request error: decode ttrpc.Request: index out of range: 2 + 9 > 2",
  ],
  ["late data", encodeFrame(77, 3, EMPTY), "StreamID is no longer active"],
])("Server refuses %s with InvalidArgument and goes on", async (_name, bytes, message) => {
  await using served = new TestServer([new Echo()]);
  using raw = await RawConnection.connect(served.path);
  await raw.write(requestFrame(99, "Echo"));
  assert.deepEqual(await answer(raw), [99, 0, ""]);
  await raw.write(bytes);
  const [, code, text] = await answer(raw);
  assert.deepEqual([code, text], [CODES.InvalidArgument, message]);
  await raw.write(requestFrame(201, "Echo"));
  assert.deepEqual(await answer(raw), [201, 0, ""]);
});

Deno.test("Server ends a unary call that gets data, with one answer", async () => {
  const echo = new Echo();
  await using served = new TestServer([echo]);
  using raw = await RawConnection.connect(served.path);
  await raw.write(requestFrame(1, "Stall"));
  await echo.stalled.promise;
  await raw.write(encodeFrame(1, MESSAGE_TYPE.data, EMPTY));
  assert.deepEqual(await answer(raw), [1, CODES.InvalidArgument, "data on unary stream"]);
  await echo.aborted.promise;
  await raw.write(requestFrame(3, "Echo"));
  assert.deepEqual(await answer(raw), [3, 0, ""]);
});

Deno.test("Server ignores frame types of the future", async () => {
  await using served = new TestServer([new Echo()]);
  using raw = await RawConnection.connect(served.path);
  await raw.write(encodeFrame(1, 200, text("?")));
  await raw.write(requestFrame(1, "Echo"));
  assert.deepEqual(await answer(raw), [1, 0, ""]);
});

Deno.test("Server ends only the connection that speaks no ttRPC", async () => {
  await using served = new TestServer([new Echo()]);
  const client = await Client.connect(served.path);
  using raw = await RawConnection.connect(served.path);
  await raw.write(text("GET / HTTP/1.1\r\n\r\n"));
  assert.equal(await raw.read(), undefined);
  assert.deepEqual(await client.call(NAME, "Echo", text("a")), text("a"));
  client.close();
});

Deno.test("Server reads no more requests of a client that reads no answers", async () => {
  let calls = 0;
  const count = () => {
    calls++;
    return new Uint8Array(1 << 20);
  };
  await using served = new TestServer([{ name: NAME, methods: { Count: count } }]);
  using raw = await RawConnection.connect(served.path);
  const total = 200;
  const frames = Array.from({ length: total }, (_, i) => requestFrame(2 * i + 1, "Count"));
  const written = (async () => {
    for (const frame of frames) await raw.write(frame);
  })();
  for (let seen = -1; seen !== calls;) {
    seen = calls;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(calls < total, `${calls} calls were started`);
  const seen = new Set<number>();
  while (seen.size < total) seen.add((await raw.read())!.streamId);
  await written;
  assert.equal(calls, total);
});

Deno.test("Server passes every call through the interceptor", async () => {
  const calls: string[] = [];
  await using served = new TestServer([new Echo()], {
    intercept: async ({ service, method }, next) => {
      try {
        const payload = await next();
        calls.push(`${service}/${method} ${payload.length}`);
        return payload;
      } catch (error) {
        calls.push(`${service}/${method} ${ShimError.from(error).kind}`);
        throw error;
      }
    },
  });
  const client = await Client.connect(served.path);
  await client.call(NAME, "Echo", text("abc"));
  await rejects(client.call(NAME, "Fail", text("Aborted")), "Aborted");
  assert.deepEqual(calls, ["test.Echo/Echo 3", "test.Echo/Fail Aborted"]);
  client.close();
});

Deno.test("Server.close() started by a handler lets its answer out first", async () => {
  const closed = Promise.withResolvers<void>();
  const served: TestServer = new TestServer([{
    name: NAME,
    methods: {
      Shutdown: () => {
        served.server.close().then(closed.resolve);
        return text("bye");
      },
    },
  }]);
  await using _ = served;
  const client = await Client.connect(served.path);
  assert.deepEqual(await client.call(NAME, "Shutdown", EMPTY), text("bye"));
  await closed.promise;
  await client.ended;
  assert.equal(served.server.connectionCount, 0);
  await rejects(Client.connect(served.path), "Unavailable");
});

Deno.test("Server.close() answers Unavailable to calls that outlast the grace", async () => {
  const echo = new Echo();
  await using served = new TestServer([echo]);
  const client = await Client.connect(served.path);
  const call = rejects(client.call(NAME, "Stall", EMPTY), "Unavailable", "server: closed");
  await echo.stalled.promise;
  await served.server.close(10);
  await call;
  await client.ended;
  assert.equal((await echo.aborted.promise as ShimError).kind, "Unavailable");
});

Deno.test("Server leaves no descriptors behind", async () => {
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const round = async () => {
    await using served = new TestServer([new Echo()]);
    for (let i = 0; i < 20; i++) {
      const client = await Client.connect(served.path);
      await client.call(NAME, "Echo", text("a"));
      if (i % 2 === 0) client.close();
      else (await RawConnection.connect(served.path))[Symbol.dispose]();
      if (i % 2 === 1) client.close();
    }
  };
  await round();
  const before = count();
  await round();
  assert.equal(count(), before);
});

Deno.test("implement() serves messages under both names, and Unimplemented for the rest", async () => {
  const methods = {
    State: ({ id, execId }: task.StateRequest) => ({ id, execId, pid: 7 }),
    Wait: () => Promise.resolve({ exitStatus: 3 }),
  };
  await using served = new TestServer([implement(task.Task, methods), implement(TaskV3, methods)]);
  const client = await Client.connect(served.path);
  for (const { name } of [task.Task, TaskV3]) {
    const state = await client.call(
      name,
      "State",
      task.StateRequest.encode({ id: "a", execId: "b" }),
    );
    const { id, execId, pid } = task.StateResponse.decode(state);
    assert.deepEqual([id, execId, pid], ["a", "b", 7]);
    const wait = await client.call(name, "Wait", EMPTY);
    assert.equal(task.WaitResponse.decode(wait).exitStatus, 3);
    await rejects(client.call(name, "Pause", EMPTY), "Unimplemented", "method Pause");
    await rejects(client.call(name, "State", Uint8Array.of(0x0a, 5)), "InvalidArgument");
  }
  client.close();
});

Deno.test("new Server() refuses two services of one name", () => {
  assert.throws(
    () => new Server([new Echo(), new Echo()]),
    (error) => error instanceof ShimError && error.kind === "AlreadyExists",
  );
});
