/**
 * wasi:sockets/tcp. What may be done when is the state's to say, as in
 * https://github.com/WebAssembly/WASI/blob/v0.2.8/wasip2/sockets/TcpSocketOperationalSemantics.md
 */

import { POLL, SOCK_NONBLOCK } from "../../../linux/system.ts";
import {
  encodeAddress,
  type Family,
  isMapped,
  isUnicast,
  isUnspecified,
  type SocketAddress,
} from "./addresses.ts";
import type { Calls } from "./calls.ts";
import { networkCode, networkResult } from "./codes.ts";
import { type Answer, type Network, newSocket, Socket } from "./network.ts";
import { isReady, Pollable, type Wait } from "./poll.ts";
import type { Scope } from "./resource.ts";
import { DONE, err, ok } from "./result.ts";
import { InputStream, OutputStream } from "./streams.ts";
import { TcpSink, TcpSource } from "./tcp_streams.ts";

const SOCK_STREAM = 1;
const EINPROGRESS = -115;
const EAGAIN = -11;

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

const NS_PER_S = 1_000_000_000n;
/** What Linux takes: tcp(7). */
const MOST_SECONDS = 32767n;
const MOST_PROBES = 127;
const MOST_BACKLOG = 0x7fffffffn;
const DEFAULT_BACKLOG = 128;

type State =
  | "unbound"
  | "binding"
  | "bound"
  | "starting to listen"
  | "listening"
  | "connecting"
  | "connected"
  | "closed";

type Streams = [InputStream, OutputStream];

const SHUTDOWN = { receive: 0, send: 1, both: 2 } as const;

export class TcpSocket extends Socket {
  #backlog = DEFAULT_BACKLOG;

  constructor(
    scope: Scope,
    calls: Calls,
    fd: number,
    family: Family,
    private state: State = "unbound",
  ) {
    super(scope, calls, fd, family);
  }

  startBind(_network: Network, address: SocketAddress): Answer<undefined> {
    if (this.state !== "unbound") return err("invalid-state");
    if (!this.#isOurs(address)) return err("invalid-argument");
    // A server that is started again may have its port while connections of the last one are dying.
    this.setOption(SOL_SOCKET, SO_REUSEADDR, 1);
    const bound = networkResult(this.bindTo(address), undefined);
    if (bound.tag === "ok") this.state = "binding";
    return bound;
  }

  finishBind(): Answer<undefined> {
    return this.#finish("binding", "bound");
  }

  startConnect(_network: Network, address: SocketAddress): Answer<undefined> {
    if (this.state !== "unbound" && this.state !== "bound") return err("invalid-state");
    if (!this.#isOurs(address) || isUnspecified(address) || address.val.port === 0) {
      return err("invalid-argument");
    }
    const status = this.calls.connect(this.fd, encodeAddress(address));
    if (status < 0 && status !== EINPROGRESS) {
      this.state = "closed";
      return err(networkCode(-status));
    }
    this.state = "connecting";
    return DONE;
  }

  finishConnect(): Answer<Streams> {
    if (this.state !== "connecting") return err("not-in-progress");
    if (!isReady(this.calls, this.#wait())) return err("would-block");
    const errno = this.pendingError();
    this.state = errno === 0 ? "connected" : "closed";
    return errno === 0 ? ok(this.#streams()) : err(networkCode(errno));
  }

  startListen(): Answer<undefined> {
    if (this.state !== "bound") return err("invalid-state");
    const listening = networkResult(this.calls.listen(this.fd, this.#backlog), undefined);
    if (listening.tag === "ok") this.state = "starting to listen";
    return listening;
  }

  finishListen(): Answer<undefined> {
    return this.#finish("starting to listen", "listening");
  }

  accept(): Answer<[TcpSocket, ...Streams]> {
    if (this.state !== "listening") return err("invalid-state");
    const fd = this.calls.accept(this.fd, SOCK_NONBLOCK);
    if (fd === EAGAIN) return err("would-block");
    if (fd < 0) return err(networkCode(-fd));
    const accepted = new TcpSocket(this.scope, this.calls, fd, this.family, "connected");
    return ok<[TcpSocket, ...Streams]>([accepted, ...accepted.#streams()]);
  }

  localAddress(): Answer<SocketAddress> {
    if (this.state === "unbound" || this.state === "closed") return err("invalid-state");
    return this.addressOf(this.calls.localAddress(this.fd));
  }

  remoteAddress(): Answer<SocketAddress> {
    if (this.state !== "connected") return err("invalid-state");
    return this.addressOf(this.calls.remoteAddress(this.fd));
  }

  isListening(): boolean {
    return this.state === "listening";
  }

  setListenBacklogSize(size: bigint): Answer<undefined> {
    if (size === 0n) return err("invalid-argument");
    if (["connecting", "connected", "closed"].includes(this.state)) return err("invalid-state");
    this.#backlog = Number(size < MOST_BACKLOG ? size : MOST_BACKLOG);
    if (this.state !== "listening") return DONE;
    return networkResult(this.calls.listen(this.fd, this.#backlog), undefined);
  }

  keepAliveEnabled(): Answer<boolean> {
    const value = this.getOption(SOL_SOCKET, SO_KEEPALIVE);
    return value.tag === "ok" ? ok(value.val !== 0) : value;
  }

  setKeepAliveEnabled(enabled: boolean): Answer<undefined> {
    return this.setOption(SOL_SOCKET, SO_KEEPALIVE, enabled ? 1 : 0);
  }

  keepAliveIdleTime(): Answer<bigint> {
    return this.#duration(TCP_KEEPIDLE);
  }

  setKeepAliveIdleTime(ns: bigint): Answer<undefined> {
    return this.#setDuration(TCP_KEEPIDLE, ns);
  }

  keepAliveInterval(): Answer<bigint> {
    return this.#duration(TCP_KEEPINTVL);
  }

  setKeepAliveInterval(ns: bigint): Answer<undefined> {
    return this.#setDuration(TCP_KEEPINTVL, ns);
  }

  keepAliveCount(): Answer<number> {
    return this.getOption(IPPROTO_TCP, TCP_KEEPCNT);
  }

  setKeepAliveCount(count: number): Answer<undefined> {
    if (count === 0) return err("invalid-argument");
    return this.setOption(IPPROTO_TCP, TCP_KEEPCNT, Math.min(count, MOST_PROBES));
  }

  hopLimit(): Answer<number> {
    return this.hops();
  }

  setHopLimit(count: number): Answer<undefined> {
    return this.setHops(count);
  }

  subscribe(): Pollable {
    return new Pollable(this.scope, this.calls, { wait: () => this.#wait() });
  }

  shutdown(type: keyof typeof SHUTDOWN): Answer<undefined> {
    if (this.state !== "connected") return err("invalid-state");
    return networkResult(this.calls.shutdown(this.fd, SHUTDOWN[type]), undefined);
  }

  #isOurs(address: SocketAddress): boolean {
    return address.tag === this.family && !isMapped(address) && isUnicast(address);
  }

  #finish(from: State, to: State): Answer<undefined> {
    if (this.state !== from) return err("not-in-progress");
    this.state = to;
    return DONE;
  }

  #wait(): Wait {
    if (this.state === "connecting") return { fd: this.fd, events: POLL.OUT };
    return this.state === "listening" ? { fd: this.fd, events: POLL.IN } : "ready";
  }

  #streams(): Streams {
    return [
      new InputStream(this.scope, this.calls, new TcpSource(this.file.hold())),
      new OutputStream(this.scope, this.calls, new TcpSink(this.file.hold())),
    ];
  }

  #duration(option: number): Answer<bigint> {
    const seconds = this.getOption(IPPROTO_TCP, option);
    return seconds.tag === "ok" ? ok(BigInt(seconds.val) * NS_PER_S) : seconds;
  }

  /** Rounded up to seconds. */
  #setDuration(option: number, ns: bigint): Answer<undefined> {
    if (ns === 0n) return err("invalid-argument");
    const seconds = (ns + NS_PER_S - 1n) / NS_PER_S;
    return this.setOption(
      IPPROTO_TCP,
      option,
      Number(seconds < MOST_SECONDS ? seconds : MOST_SECONDS),
    );
  }
}

export function tcp(calls: Calls, scope: Scope) {
  return {
    "wasi:sockets/tcp": { TcpSocket },
    "wasi:sockets/tcp-create-socket": {
      createTcpSocket: (family: Family): Answer<TcpSocket> => {
        const fd = newSocket(calls, family, SOCK_STREAM);
        if (fd < 0) return err(networkCode(-fd));
        return ok(new TcpSocket(scope, calls, fd, family));
      },
    },
  };
}
