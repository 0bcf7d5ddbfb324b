import assert from "node:assert/strict";
import { builtSystem } from "../../../linux/testing/system.ts";
import { type Ipv4, parseAddress, type SocketAddress } from "./addresses.ts";
import { Calls } from "./calls.ts";
import { encodeQuestion, toAscii } from "./dns.ts";
import { Lookup, parseResolvConf } from "./lookup.ts";
import { inHosts, names } from "./names.ts";
import { Network } from "./network.ts";
import { poll } from "./poll.ts";
import { Scope } from "./resource.ts";
import type { Result } from "./result.ts";
import { tcp } from "./tcp.ts";
import { udp, type UdpSocket } from "./udp.ts";

const calls = new Calls(await builtSystem());
const LOOPBACK: Ipv4 = [127, 0, 0, 1];
const at = (port: number): SocketAddress => ({ tag: "ipv4", val: { port, address: LOOPBACK } });

function value<Value>(result: Result<Value, unknown>): Value {
  assert.equal(result.tag, "ok", Deno.inspect(result));
  return result.val as Value;
}

/** A scope whose end must leave no descriptor. */
function withScope(body: (scope: Scope, network: Network) => void): void {
  const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = descriptors();
  {
    using scope = new Scope();
    body(scope, new Network(scope));
  }
  assert.equal(descriptors(), before);
}

function listen(scope: Scope, network: Network) {
  const socket = value(tcp(calls, scope)["wasi:sockets/tcp-create-socket"].createTcpSocket("ipv4"));
  value(socket.startBind(network, at(0)));
  value(socket.finishBind());
  value(socket.startListen());
  value(socket.finishListen());
  return socket;
}

Deno.test("TcpSocket connects, and its streams carry bytes both ways", () =>
  withScope((scope, network) => {
    const server = listen(scope, network);
    assert.deepEqual(server.accept(), { tag: "err", val: "would-block" });
    const { createTcpSocket } = tcp(calls, scope)["wasi:sockets/tcp-create-socket"];
    const client = value(createTcpSocket("ipv4"));
    value(client.startConnect(network, value(server.localAddress())));
    poll(calls, [client.subscribe()]);
    const [input, output] = value(client.finishConnect());
    poll(calls, [server.subscribe()]);
    const [accepted, serverInput, serverOutput] = value(server.accept());
    assert.deepEqual(value(accepted.remoteAddress()), value(client.localAddress()));

    assert.equal(value(serverInput.read(10n)).length, 0);
    value(output.blockingWriteAndFlush(new TextEncoder().encode("hello")));
    assert.equal(new TextDecoder().decode(value(serverInput.blockingRead(10n))), "hello");

    // More than the kernel takes: kept, and there is no room until it has gone.
    let sent = 0;
    for (let room = 1; room > 0; sent += room) {
      room = Number(value(serverOutput.checkWrite()));
      value(serverOutput.write(new Uint8Array(room).fill(7)));
    }
    let received = 0;
    while (received < sent) {
      const bytes = value(input.blockingRead(1n << 20n));
      assert.ok(bytes.every((byte) => byte === 7));
      received += bytes.length;
      value(serverOutput.flush());
    }
    assert.equal(received, sent);
    value(accepted.shutdown("send"));
    assert.deepEqual(input.blockingRead(1n), { tag: "err", val: { tag: "closed" } });
  }));

Deno.test("TcpSocket refuses what its state does not allow", () =>
  withScope((scope, network) => {
    const { createTcpSocket } = tcp(calls, scope)["wasi:sockets/tcp-create-socket"];
    const socket = value(createTcpSocket("ipv4"));
    const refused = (code: string) => ({ tag: "err", val: code });
    assert.deepEqual(socket.finishBind(), refused("not-in-progress"));
    assert.deepEqual(socket.startListen(), refused("invalid-state"));
    assert.deepEqual(socket.accept(), refused("invalid-state"));
    assert.deepEqual(socket.localAddress(), refused("invalid-state"));
    assert.deepEqual(socket.shutdown("both"), refused("invalid-state"));
    const [V4, V6] = [at(0), { ...value(ipv6()) }];
    assert.deepEqual(socket.startBind(network, V6), refused("invalid-argument"));
    assert.deepEqual(socket.startConnect(network, V4), refused("invalid-argument"));
    value(socket.startBind(network, V4));
    value(socket.finishBind());
    assert.deepEqual(socket.startBind(network, V4), refused("invalid-state"));
    assert.deepEqual(socket.setHopLimit(0), refused("invalid-argument"));
    value(socket.setHopLimit(7));
    assert.equal(value(socket.hopLimit()), 7);
    value(socket.setKeepAliveIdleTime(1n));
    assert.equal(value(socket.keepAliveIdleTime()), 1_000_000_000n);
  }));

const ipv6 = (): Result<SocketAddress, never> => ({
  tag: "ok",
  val: {
    tag: "ipv6",
    val: { port: 0, flowInfo: 0, address: [0, 0, 0, 0, 0, 0, 0, 1], scopeId: 0 },
  },
});

Deno.test("TcpSocket.finishConnect() says that nobody listens", () =>
  withScope((scope, network) => {
    const server = listen(scope, network);
    const address = value(server.localAddress());
    server[Symbol.dispose]();
    const { createTcpSocket } = tcp(calls, scope)["wasi:sockets/tcp-create-socket"];
    const client = value(createTcpSocket("ipv4"));
    value(client.startConnect(network, address));
    client.subscribe().block();
    assert.deepEqual(client.finishConnect(), { tag: "err", val: "connection-refused" });
  }));

function boundUdp(scope: Scope, network: Network): UdpSocket {
  const { createUdpSocket } = udp(calls, scope)["wasi:sockets/udp-create-socket"];
  const socket = value(createUdpSocket("ipv4"));
  value(socket.startBind(network, at(0)));
  value(socket.finishBind());
  return socket;
}

Deno.test("UdpSocket sends and receives datagrams", () =>
  withScope((scope, network) => {
    const [one, two] = [boundUdp(scope, network), boundUdp(scope, network)];
    const [, outgoing] = value(one.stream());
    const [incoming] = value(two.stream(value(one.localAddress())));
    assert.deepEqual(value(incoming.receive(5n)), []);
    const data = new TextEncoder().encode("hello");
    assert.throws(() => outgoing.send([{ data }]), WebAssembly.RuntimeError);
    assert.ok(value(outgoing.checkSend()) > 1n);
    const remoteAddress = value(two.localAddress());
    assert.equal(value(outgoing.send([{ data, remoteAddress }, { data, remoteAddress }])), 2n);
    incoming.subscribe().block();
    const received = value(incoming.receive(5n));
    assert.deepEqual(received[0], { data, remoteAddress: value(one.localAddress()) });
    assert.ok(value(outgoing.checkSend()) > 0n);
    assert.deepEqual(outgoing.send([{ data }]), { tag: "err", val: "invalid-argument" });
  }));

/** An answer with one address to a question of encodeQuestion(). */
function answerTo(question: Uint8Array, rcode: number): Uint8Array {
  const isA = question.at(-3) === 1;
  const address = isA ? [192, 0, 2, 7] : [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 9];
  const record = [0xc0, 12, 0, question.at(-3)!, 0, 1, 0, 0, 0, 60, 0, address.length, ...address];
  const bytes = Uint8Array.of(...question, ...rcode === 0 ? record : []);
  bytes[2] |= 0x80;
  bytes[3] |= rcode;
  bytes[7] = rcode === 0 ? 1 : 0;
  return bytes;
}

Deno.test("Lookup asks a name server for both families, and goes through the search list", () =>
  withScope((scope, network) => {
    const server = boundUdp(scope, network);
    const [incoming, outgoing] = value(server.stream());
    const { port } = value(server.localAddress()).val;
    const lookup = new Lookup(calls, "app", "nameserver 127.0.0.1\nsearch no.test yes.test", port);
    const asked: string[] = [];
    while (lookup.answer() === "would-block") {
      incoming.subscribe().block();
      for (const { data, remoteAddress } of value(incoming.receive(2n))) {
        const name = new TextDecoder().decode(data.subarray(12));
        asked.push(name.includes("yes") ? "yes" : "no");
        const answer = answerTo(data, name.includes("yes") ? 0 : 3);
        outgoing.checkSend();
        value(outgoing.send([{ data: answer, remoteAddress }]));
      }
    }
    assert.deepEqual(asked, ["no", "no", "yes", "yes"]);
    assert.deepEqual(lookup.answer(), [
      { tag: "ipv4", val: [192, 0, 2, 7] },
      { tag: "ipv6", val: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 9] },
    ]);
    lookup.close();
  }));

Deno.test("resolveAddresses() knows addresses and /etc/hosts without asking", () =>
  withScope((scope, network) => {
    const files = { hosts: () => "127.0.0.1 one ONE.test # two\n::1 one", resolvConf: () => "" };
    const { resolveAddresses } = names(calls, scope, files)["wasi:sockets/ip-name-lookup"];
    const all = (name: string) => {
      const stream = value(resolveAddresses(network, name));
      const found = [];
      for (let next; (next = value(stream.resolveNextAddress()));) found.push(next);
      return found;
    };
    assert.deepEqual(all("192.0.2.1"), [{ tag: "ipv4", val: [192, 0, 2, 1] }]);
    assert.deepEqual(all("one").map(({ tag }) => tag), ["ipv4", "ipv6"]);
    assert.deepEqual(all("One.test").length, 1);
    assert.deepEqual(resolveAddresses(network, "a b"), { tag: "err", val: "invalid-argument" });
  }));

Deno.test("inHosts() ignores comments", () => {
  assert.deepEqual(inHosts("127.0.0.1 one # two", "two"), []);
});

Deno.test.each([
  ["127.0.0.1", [127, 0, 0, 1]],
  ["::1", [0, 0, 0, 0, 0, 0, 0, 1]],
  ["2001:db8::192.0.2.33", [0x2001, 0xdb8, 0, 0, 0, 0, 0xc000, 0x221]],
  ["1:2:3:4:5:6:7:8", [1, 2, 3, 4, 5, 6, 7, 8]],
  ["1.2.3", undefined],
  ["1.2.3.256", undefined],
  ["01.2.3.4", undefined],
  ["1::2::3", undefined],
  ["1:2:3:4:5:6:7", undefined],
  ["", undefined],
])("parseAddress() of %s", (text, parts) => {
  assert.deepEqual(parseAddress(text)?.val, parts);
});

Deno.test("parseResolvConf() has limits and a default", () => {
  assert.deepEqual(parseResolvConf("").servers, [
    { tag: "ipv4", val: { port: 53, address: LOOPBACK } },
  ]);
  const conf = parseResolvConf("nameserver ::1\nsearch A. b\noptions ndots:5 timeout:1 attempts:9");
  assert.deepEqual([conf.servers.length, conf.search, conf.dots, conf.timeoutS, conf.attempts], [
    1,
    ["a", "b"],
    5,
    1,
    5,
  ]);
});

Deno.test("toAscii() takes names of hosts alone", () => {
  assert.equal(toAscii("Bücher.example."), "xn--bcher-kva.example");
  for (const name of ["", "a/b", "a@b", "a:80", "-a"]) assert.equal(toAscii(name), undefined, name);
});

Deno.test("encodeQuestion() has the name's labels", () => {
  assert.equal(
    encodeQuestion(0x1234, "a.bc", 28).toHex(),
    "123401000001000000000000" + "0161" + "026263" + "00" + "001c0001",
  );
});
