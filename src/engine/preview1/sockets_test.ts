import assert from "node:assert/strict";
import { builtSystem } from "../../linux/testing/system.ts";
import { AT, E, openDescriptors, TestGuest } from "./testing/guest.ts";
import { pipe, SOCK, socketPair } from "./testing/pipe.ts";
import { Client, listen } from "./testing/tcp.ts";

const system = await builtSystem();

const test = (name: string, body: () => void) =>
  Deno.test(name, () => {
    const before = openDescriptors();
    body();
    assert.deepEqual(openDescriptors(), before);
  });

const PEEK = 1, WAITALL = 2;

function receive(guest: TestGuest, fd: number, sizes: number[], flags = 0) {
  let at = AT.data;
  const vectors = guest.vectors(
    ...sizes.map((size): [number, number] => [(at += size) - size, size]),
  );
  const errno = guest.call("sock_recv", fd, ...vectors, flags, AT.result, AT.result + 4);
  const count = guest.view.getUint32(AT.result, true);
  const text = new TextDecoder().decode(guest.bytes.slice(AT.data, AT.data + count));
  return errno || { text, flags: guest.view.getUint16(AT.result + 4, true) };
}

test("sock_accept() takes a connection from a listener, after the preopens", () => {
  const { host, port } = listen(system);
  using guest = new TestGuest({ listeners: [host] });
  assert.equal(guest.fdstat(4).type, 6);
  assert.equal(guest.call("sock_accept", 4, 0, -1), E.FAULT);
  assert.equal(guest.call("fd_fdstat_set_flags", 4, 4), E.SUCCESS);
  assert.equal(guest.call("sock_accept", 4, 0, AT.result), E.AGAIN);
  using client = new Client(system, port);
  assert.equal(guest.get("sock_accept", 4, 4), 5);
  const { type, flags, base } = guest.fdstat(5);
  assert.deepEqual([type, flags, base & 1n << 29n], [6, 4, 0n]);
  assert.equal(receive(guest, 5, [10]), E.AGAIN);
  client.send("hello");
  assert.deepEqual(receive(guest, 5, [10]), { text: "hello", flags: 0 });
  const vectors = guest.vectors(guest.text("wor", AT.data), guest.text("ld", AT.second));
  assert.equal(guest.get("sock_send", 5, ...vectors, 0), 5);
  assert.equal(client.receive(), "world");
  assert.equal(guest.write(5, "by write"), 8);
  assert.equal(client.receive(), "by write");
  assert.equal(guest.call("sock_accept", 5, 0, AT.result), E.NOTCAPABLE);
  assert.equal(guest.call("sock_accept", 4, 1, AT.result), E.INVAL);
});

test("sock_recv() peeks, and waits for all", () => {
  const [ours, theirs] = socketPair(SOCK.STREAM);
  using guest = new TestGuest({ streams: [ours, theirs, 2] });
  guest.write(1, "abcdefgh");
  assert.deepEqual(receive(guest, 0, [3], PEEK), { text: "abc", flags: 0 });
  assert.deepEqual(receive(guest, 0, [1, 0, 4], PEEK), { text: "abcde", flags: 0 });
  assert.deepEqual(receive(guest, 0, [2, 2]), { text: "abcd", flags: 0 });
  assert.deepEqual(receive(guest, 0, [1, 3], WAITALL), { text: "efgh", flags: 0 });
  guest.write(1, "rest");
  assert.equal(guest.call("sock_shutdown", 1, 2), E.SUCCESS);
  assert.deepEqual(receive(guest, 0, [100], WAITALL), { text: "rest", flags: 0 });
  assert.deepEqual(receive(guest, 0, [100], WAITALL), { text: "", flags: 0 });
  assert.equal(receive(guest, 0, [1], 4), E.INVAL);
  assert.equal(guest.call("sock_recv", 0, 65530, 1, 0, AT.result, AT.result + 4), E.FAULT);
  assert.equal(guest.call("sock_recv", 0, 0, 0, 0, -1, AT.result), E.FAULT);
  assert.equal(guest.call("sock_recv", 0, 0, 0, 0, AT.result, 65535), E.FAULT);
});

test("sock_recv() says that a datagram was cut off", () => {
  const [ours, theirs] = socketPair(SOCK.DGRAM);
  using guest = new TestGuest({ streams: [ours, theirs, 2] });
  assert.equal(guest.fdstat(0).type, 5);
  guest.write(1, "abcdef");
  guest.write(1, "ghi");
  assert.deepEqual(receive(guest, 0, [2, 2]), { text: "abcd", flags: 1 });
  assert.deepEqual(receive(guest, 0, [10]), { text: "ghi", flags: 0 });
});

test("sock_shutdown() ends one way or both", () => {
  const [ours, theirs] = socketPair(SOCK.STREAM);
  using guest = new TestGuest({ streams: [ours, theirs, 2] });
  for (const how of [0, 4, -1, 256]) assert.equal(guest.call("sock_shutdown", 1, how), E.INVAL);
  assert.equal(guest.call("sock_shutdown", 1, 2), E.SUCCESS);
  assert.deepEqual(receive(guest, 0, [10]), { text: "", flags: 0 });
  const vectors = guest.vectors(guest.text("x", AT.data));
  assert.equal(guest.call("sock_send", 1, ...vectors, 0, AT.result), E.PIPE);
  assert.equal(guest.call("sock_shutdown", 0, 3), E.SUCCESS);
});

test("sock_send() has no flags", () => {
  const [ours, theirs] = socketPair(SOCK.STREAM);
  using guest = new TestGuest({ streams: [ours, theirs, 2] });
  assert.equal(guest.call("sock_send", 1, 0, 0, 1, AT.result), E.INVAL);
});

test("what is no socket is NOTSOCK, whatever its rights", () => {
  const [reader, writer] = pipe();
  using guest = new TestGuest({ streams: [reader, writer, 2] });
  for (const fd of [0, 1, 3]) {
    assert.equal(guest.call("sock_accept", fd, 0, AT.result), E.NOTSOCK);
    assert.equal(guest.call("sock_recv", fd, 0, 0, 0, AT.result, AT.stat), E.NOTSOCK);
    assert.equal(guest.call("sock_send", fd, 0, 0, 0, AT.result), E.NOTSOCK);
    assert.equal(guest.call("sock_shutdown", fd, 1), E.NOTSOCK);
  }
});
