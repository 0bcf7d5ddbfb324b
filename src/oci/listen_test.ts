import assert from "node:assert/strict";
import { listenerDescriptors, listenOps, parseListeners, parseTcpAddress } from "./listen.ts";

Deno.test.each<[string, ReturnType<typeof parseTcpAddress>]>([
  ["127.0.0.1:80", { address: "127.0.0.1", port: 80 }],
  ["0.0.0.0:0", { address: "0.0.0.0", port: 0 }],
  ["[::1]:65535", { address: "::1", port: 65535 }],
  ["[::ffff:1.2.3.4]:1", { address: "::ffff:1.2.3.4", port: 1 }],
  ["127.0.0.1:65536", undefined],
  ["127.0.0.1", undefined],
  ["127.0.0.1:", undefined],
  [":80", undefined],
  ["::1:80", undefined],
  ["[::1%lo]:80", undefined],
  ["localhost:80", undefined],
  ["1.2.3.4:80/x", undefined],
])("parseTcpAddress() takes %s as %j", (text, expected) => {
  assert.deepEqual(parseTcpAddress(text), expected);
});

const listen = (text: string) => parseListeners({ "io.denowasi.listen": text });

Deno.test("parseListeners() reads the annotation's addresses in order", () => {
  assert.deepEqual(parseListeners({ other: "x" }), []);
  assert.deepEqual(listen("tcp://0.0.0.0:8080, tcp://[::1]:80"), [
    { address: "0.0.0.0", port: 8080 },
    { address: "::1", port: 80 },
  ]);
});

Deno.test.each([
  ["", '"": not tcp://ADDR:PORT with a numeric address, of IPv6 in brackets'],
  ["0.0.0.0:80", '"0.0.0.0:80": not tcp://'],
  ["udp://0.0.0.0:80", '"udp://0.0.0.0:80": not tcp://'],
  ["tcp://0.0.0.0:80,", '"": not tcp://'],
  ["tcp://host:80", '"tcp://host:80": not tcp://'],
  [Array(17).fill("tcp://0.0.0.0:80").join(), '"tcp://0.0.0.0:80,'],
])("parseListeners() refuses %j", (text, message) => {
  assert.throws(() => listen(text), (error: Error & { kind?: string }) => {
    assert.equal(error.kind, "InvalidArgument");
    assert.ok(
      error.message.startsWith(`annotations.io.denowasi.listen: ${message}`),
      error.message,
    );
    return true;
  });
});

Deno.test("listenOps() makes the descriptors that listenerDescriptors() tells", () => {
  const listeners = listen("tcp://0.0.0.0:8080,tcp://[::1]:80");
  const ops = listenOps(listeners);
  assert.deepEqual(ops, [
    { op: "listen", address: "0.0.0.0", port: 8080, fd: 64 },
    { op: "listen", address: "::1", port: 80, fd: 65 },
  ]);
  assert.deepEqual(listenerDescriptors(listeners), [64, 65]);
});
