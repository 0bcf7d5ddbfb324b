import assert from "node:assert/strict";
import { ShimError } from "../errdefs/mod.ts";
import { Content } from "../proto/content.ts";
import { Images } from "../proto/images.ts";
import { GrpcClient } from "./grpc.ts";
import { encodeMessage } from "./grpc_frames.ts";
import { GrpcServer } from "./testing/grpc_server.ts";

const GET = `${Images.name}/Get`;
const READ = `${Content.name}/Read`;
const image = Images.methods.Get.response.encode({ image: { name: "web" } });
const piece = (data: number[]) =>
  encodeMessage(Content.methods.Read.response.encode({ data: new Uint8Array(data) }));

const unaborted = () => new AbortController().signal;

Deno.test("GrpcClient.call() sends a message with its namespace and answers one", async () => {
  await using server = new GrpcServer();
  using client = new GrpcClient(server.path, "k8s.io", unaborted());
  server.methods.set(GET, ([bytes], headers) => {
    assert.equal(Images.methods.Get.request.decode(bytes).name, "web");
    assert.equal(headers.get("containerd-namespace"), "k8s.io");
    assert.equal(headers.get("containerd-lease"), "mine");
    assert.equal(headers.get("grpc-timeout"), "2000m");
    return encodeMessage(image);
  });
  const options = { timeoutMs: 2000, lease: "mine" };
  const answer = await client.call(Images, "Get", { name: "web" }, options);
  assert.equal(answer.image?.name, "web");
});

Deno.test.each(
  [
    [
      { status: "NotFound", message: 'image "wéb": not found' },
      "NotFound",
      /image "wéb": not found$/,
    ],
    [{ status: "DataLoss", message: "100%" }, "DataLoss", /Images\/Get: 100%$/],
    ["", "Unknown", /^images\.v1\.Images\/Get: no answer$/],
    [encodeMessage(image).subarray(0, 7), "Unavailable", /ends within a message$/],
    [encodeMessage(image).with(0, 1), "Unimplemented", /a compressed message$/],
    [new Uint8Array([0, 255, 0, 0, 0]), "ResourceExhausted", /4278190080 bytes: more than/],
    [encodeMessage(new Uint8Array([255])), "InvalidArgument", /decode .*GetImageResponse/],
  ] as const,
)("GrpcClient.call() rejects when the answer is %j", async (answer, kind, message) => {
  await using server = new GrpcServer();
  using client = new GrpcClient(server.path, "default", unaborted());
  server.methods.set(GET, () => answer);
  await assert.rejects(client.call(Images, "Get", { name: "web" }), { kind, message });
});

Deno.test("GrpcClient.call() rejects with DeadlineExceeded when no answer comes in time", async () => {
  await using server = new GrpcServer();
  const late = Promise.withResolvers<string>();
  server.methods.set(GET, () => late.promise);
  using client = new GrpcClient(server.path, "default", unaborted());
  const call = client.call(Images, "Get", {}, { timeoutMs: 20 });
  await assert.rejects(call, { kind: "DeadlineExceeded" });
  late.resolve("");
});

Deno.test("GrpcClient.call() rejects with Canceled when it is no longer wanted", async () => {
  await using server = new GrpcServer();
  const late = Promise.withResolvers<string>();
  const caller = new AbortController();
  server.methods.set(GET, () => {
    caller.abort();
    return late.promise;
  });
  using client = new GrpcClient(server.path, "default", caller.signal);
  await assert.rejects(client.call(Images, "Get", {}), { kind: "Canceled" });
  late.resolve("");
});

Deno.test("GrpcClient.call() rejects with Unavailable where nobody listens", async () => {
  using client = new GrpcClient("/none/containerd.sock", "default", unaborted());
  const message =
    /^images\.v1\.Images\/Get: containerd at \/none\/containerd\.sock: .*No such file/;
  await assert.rejects(client.call(Images, "Get", {}), { kind: "Unavailable", message });
});

Deno.test("GrpcClient.stream() yields what comes until the end", async () => {
  await using server = new GrpcServer();
  using client = new GrpcClient(server.path, "default", unaborted());
  server.methods.set(READ, () => new Blob([piece([1, 2]), piece([]), piece([3])]));
  const found: number[] = [];
  for await (const { data } of client.stream(Content, "Read", [{ digest: "d" }])) {
    found.push(...data);
  }
  assert.deepEqual(found, [1, 2, 3]);
});

Deno.test("GrpcClient.stream() sends every message of the request, in order", async () => {
  await using server = new GrpcServer();
  using client = new GrpcClient(server.path, "default", unaborted());
  server.methods.set(`${Content.name}/Write`, (requests) => {
    const { request, response } = Content.methods.Write;
    const refs = requests.map((bytes) => request.decode(bytes).ref);
    return encodeMessage(response.encode({ digest: refs.join() }));
  });
  const requests = ["a", "b", "c"].map((ref) => ({ ref }));
  for await (const { digest } of client.stream(Content, "Write", requests)) {
    assert.equal(digest, "a,b,c");
  }
});

Deno.test("GrpcClient.stream() can be left early", async () => {
  await using server = new GrpcServer();
  using client = new GrpcClient(server.path, "default", unaborted());
  const ended = Promise.withResolvers<void>();
  server.methods.set(READ, () =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(piece([7])),
      cancel: () => ended.resolve(),
    }));
  for await (const { data } of client.stream(Content, "Read", [{}])) {
    assert.deepEqual([...data], [7]);
    break;
  }
  await ended.promise;
});

Deno.test("GrpcClient throws ShimErrors alone", async () => {
  await using server = new GrpcServer();
  using client = new GrpcClient(server.path, "default", unaborted());
  const error = await client.call(Images, "Get", {}).catch((error) => error);
  assert.ok(error instanceof ShimError);
  assert.equal(error.kind, "Unimplemented");
});
