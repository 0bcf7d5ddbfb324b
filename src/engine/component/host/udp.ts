/**
 * wasi:sockets/udp.
 * https://github.com/WebAssembly/WASI/blob/v0.2.8/wasip2/sockets/udp.wit
 */

import { POLL } from "../../../linux/system.ts";
import {
  decodeAddress,
  encodeAddress,
  type Family,
  isMapped,
  isUnspecified,
  type SocketAddress,
} from "./addresses.ts";
import type { Calls } from "./calls.ts";
import { networkCode, networkResult } from "./codes.ts";
import { scratchOf } from "./descriptors.ts";
import type { OpenFile } from "./files.ts";
import { type Answer, type Network, newSocket, Socket } from "./network.ts";
import { isReady, Pollable, type Wait } from "./poll.ts";
import { Resource, type Scope } from "./resource.ts";
import { DONE, err, ok } from "./result.ts";

const SOCK_DGRAM = 2;
const EAGAIN = -11;
/** connect(2) to AF_UNSPEC ends a connection. */
const NOBODY = new Uint8Array(16);

/** How many datagrams one call takes or gives. */
const MOST_DATAGRAMS = 16;
const DATAGRAM_BYTES = 1 << 16;

interface IncomingDatagram {
  data: Uint8Array;
  remoteAddress: SocketAddress;
}

interface OutgoingDatagram {
  data: Uint8Array;
  remoteAddress?: SocketAddress;
}

export class UdpSocket extends Socket {
  #state: "unbound" | "binding" | "bound" | "connected" = "unbound";

  startBind(_network: Network, address: SocketAddress): Answer<undefined> {
    if (this.#state !== "unbound") return err("invalid-state");
    if (!isOfFamily(address, this.family)) return err("invalid-argument");
    const bound = networkResult(this.bindTo(address), undefined);
    if (bound.tag === "ok") this.#state = "binding";
    return bound;
  }

  finishBind(): Answer<undefined> {
    if (this.#state !== "binding") return err("not-in-progress");
    this.#state = "bound";
    return DONE;
  }

  stream(remote?: SocketAddress): Answer<[IncomingDatagramStream, OutgoingDatagramStream]> {
    if (this.#state !== "bound" && this.#state !== "connected") return err("invalid-state");
    if (remote && !isRemote(remote, this.family)) return err("invalid-argument");
    if (this.#state === "connected") this.calls.connect(this.fd, NOBODY);
    this.#state = "bound";
    if (remote) {
      const status = this.calls.connect(this.fd, encodeAddress(remote));
      if (status < 0) return err(networkCode(-status));
      this.#state = "connected";
    }
    const { scope, calls, family } = this;
    return ok<[IncomingDatagramStream, OutgoingDatagramStream]>([
      new IncomingDatagramStream(scope, calls, this.file.hold()),
      new OutgoingDatagramStream(scope, calls, this.file.hold(), family, remote),
    ]);
  }

  localAddress(): Answer<SocketAddress> {
    if (this.#state === "unbound") return err("invalid-state");
    return this.addressOf(this.calls.localAddress(this.fd));
  }

  remoteAddress(): Answer<SocketAddress> {
    if (this.#state !== "connected") return err("invalid-state");
    return this.addressOf(this.calls.remoteAddress(this.fd));
  }

  unicastHopLimit(): Answer<number> {
    return this.hops();
  }

  setUnicastHopLimit(count: number): Answer<undefined> {
    return this.setHops(count);
  }

  subscribe(): Pollable {
    return new Pollable(this.scope, this.calls, { wait: () => "ready" });
  }
}

/** What both directions have. */
abstract class DatagramStream extends Resource {
  constructor(readonly scope: Scope, readonly calls: Calls, readonly file: OpenFile) {
    super(scope);
  }

  abstract wait(): Wait;

  subscribe(): Pollable {
    return new Pollable(this.scope, this.calls, this);
  }

  protected override release(): void {
    this.file.release();
  }
}

export class IncomingDatagramStream extends DatagramStream {
  wait(): Wait {
    return { fd: this.file.fd, events: POLL.IN };
  }

  receive(most: bigint): Answer<IncomingDatagram[]> {
    const received: IncomingDatagram[] = [];
    const count = most < MOST_DATAGRAMS ? Number(most) : MOST_DATAGRAMS;
    while (received.length < count) {
      const buffer = scratchOf(DATAGRAM_BYTES);
      const found = this.calls.receiveFrom(this.file.fd, buffer);
      if (typeof found === "number") {
        if (found === EAGAIN || received.length > 0) break;
        return err(networkCode(-found));
      }
      const remoteAddress = decodeAddress(found.address);
      if (remoteAddress) received.push({ data: buffer.slice(0, found.size), remoteAddress });
    }
    return ok(received);
  }
}

export class OutgoingDatagramStream extends DatagramStream {
  #permitted = 0;

  /** @param remote to whom it is connected */
  constructor(
    scope: Scope,
    calls: Calls,
    file: OpenFile,
    readonly family: Family,
    readonly remote: SocketAddress | undefined,
  ) {
    super(scope, calls, file);
  }

  wait(): Wait {
    return { fd: this.file.fd, events: POLL.OUT };
  }

  checkSend(): Answer<bigint> {
    this.#permitted = isReady(this.calls, this.wait()) ? MOST_DATAGRAMS : 0;
    return ok(BigInt(this.#permitted));
  }

  /** How many have gone. Traps when they are more than checkSend() has permitted. */
  send(datagrams: OutgoingDatagram[]): Answer<bigint> {
    if (datagrams.length > this.#permitted) {
      throw new WebAssembly.RuntimeError(
        `send datagrams: ${datagrams.length}, of which ${this.#permitted} are permitted`,
      );
    }
    this.#permitted = 0;
    let sent = 0;
    for (const datagram of datagrams) {
      const failed = this.#sendOne(datagram);
      if (failed === EAGAIN || failed < 0 && sent > 0) break;
      if (failed < 0) return err(networkCode(-failed));
      sent++;
    }
    return ok(BigInt(sent));
  }

  /** A negative errno when it was not sent. */
  #sendOne({ data, remoteAddress }: OutgoingDatagram): number {
    const EINVAL = -22;
    const { fd } = this.file;
    if (this.remote) {
      if (remoteAddress && !isSame(remoteAddress, this.remote)) return EINVAL;
      return this.calls.send(fd, data);
    }
    if (!remoteAddress || !isRemote(remoteAddress, this.family)) return EINVAL;
    return this.calls.send(fd, data, encodeAddress(remoteAddress));
  }
}

function isOfFamily(address: SocketAddress, family: Family): boolean {
  return address.tag === family && !isMapped(address);
}

function isRemote(address: SocketAddress, family: Family): boolean {
  return isOfFamily(address, family) && !isUnspecified(address) && address.val.port !== 0;
}

function isSame(one: SocketAddress, other: SocketAddress): boolean {
  return encodeAddress(one).toHex() === encodeAddress(other).toHex();
}

export function udp(calls: Calls, scope: Scope) {
  return {
    "wasi:sockets/udp": { UdpSocket, IncomingDatagramStream, OutgoingDatagramStream },
    "wasi:sockets/udp-create-socket": {
      createUdpSocket: (family: Family): Answer<UdpSocket> => {
        const fd = newSocket(calls, family, SOCK_DGRAM);
        if (fd < 0) return err(networkCode(-fd));
        return ok(new UdpSocket(scope, calls, fd, family));
      },
    },
  };
}
