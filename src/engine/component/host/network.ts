/**
 * wasi:sockets/network and what TCP and UDP sockets share: a descriptor that does not block, and its options.
 * https://github.com/WebAssembly/WASI/tree/v0.2.8/wasip2/sockets
 */

import { SOCK_NONBLOCK } from "../../../linux/system.ts";
import {
  decodeAddress,
  encodeAddress,
  FAMILIES,
  type Family,
  type SocketAddress,
} from "./addresses.ts";
import type { Calls } from "./calls.ts";
import { type NetworkCode, networkCode, networkResult } from "./codes.ts";
import { OpenFile } from "./files.ts";
import { resolve, Resource, type Scope } from "./resource.ts";
import { err, ok, type Result } from "./result.ts";
import type { IoError } from "./streams.ts";

export class Network extends Resource {}

export type Answer<Value> = Result<Value, NetworkCode>;

/** Levels and options of socket(7), ip(7), ipv6(7) and tcp(7). */
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const IPPROTO_IP = 0;
const IP_TTL = 2;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;

const MOST_BUFFER = 0x3fffffffn;

/** A socket of either protocol. */
export abstract class Socket extends Resource {
  protected readonly file: OpenFile;

  /** @param fd its own, with O_NONBLOCK */
  constructor(
    readonly scope: Scope,
    readonly calls: Calls,
    readonly fd: number,
    readonly family: Family,
  ) {
    super(scope);
    this.file = new OpenFile(calls, fd);
  }

  protected override release(): void {
    this.file.release();
  }

  addressFamily(): Family {
    return this.family;
  }

  receiveBufferSize(): Answer<bigint> {
    return this.#bufferSize(SO_RCVBUF);
  }

  setReceiveBufferSize(size: bigint): Answer<undefined> {
    return this.#setBufferSize(SO_RCVBUF, size);
  }

  sendBufferSize(): Answer<bigint> {
    return this.#bufferSize(SO_SNDBUF);
  }

  setSendBufferSize(size: bigint): Answer<undefined> {
    return this.#setBufferSize(SO_SNDBUF, size);
  }

  /** Linux doubles what it is asked for, and says so: socket(7). */
  #bufferSize(option: number): Answer<bigint> {
    const size = this.calls.getOption(this.fd, SOL_SOCKET, option);
    return networkResult(size, BigInt(size >> 1));
  }

  #setBufferSize(option: number, size: bigint): Answer<undefined> {
    if (size === 0n) return err("invalid-argument");
    const value = Number(size < MOST_BUFFER ? size : MOST_BUFFER);
    return this.setOption(SOL_SOCKET, option, value);
  }

  protected hops(): Answer<number> {
    const [level, option] = this.#hopOption();
    return this.getOption(level, option);
  }

  protected setHops(count: number): Answer<undefined> {
    if (count === 0) return err("invalid-argument");
    const [level, option] = this.#hopOption();
    return this.setOption(level, option, count);
  }

  #hopOption(): [level: number, option: number] {
    return this.family === "ipv4" ? [IPPROTO_IP, IP_TTL] : [IPPROTO_IPV6, IPV6_UNICAST_HOPS];
  }

  protected getOption(level: number, option: number): Answer<number> {
    const value = this.calls.getOption(this.fd, level, option);
    return networkResult(value, value);
  }

  protected setOption(level: number, option: number, value: number): Answer<undefined> {
    return networkResult(this.calls.setOption(this.fd, level, option, value), undefined);
  }

  /** What has gone wrong since it was last asked: a positive errno or 0. */
  protected pendingError(): number {
    return Math.abs(this.calls.getOption(this.fd, SOL_SOCKET, SO_ERROR));
  }

  protected addressOf(bytes: Uint8Array | number): Answer<SocketAddress> {
    if (typeof bytes === "number") return err(networkCode(-bytes));
    const address = decodeAddress(bytes);
    return address ? ok(address) : err("unknown");
  }

  protected bindTo(address: SocketAddress): number {
    return this.calls.bind(this.fd, encodeAddress(address));
  }
}

/** A descriptor of a new socket for one family alone, or a negative errno. @param type SOCK_* */
export function newSocket(calls: Calls, family: Family, type: number): number {
  const fd = calls.socket(FAMILIES[family], type | SOCK_NONBLOCK);
  if (fd >= 0 && family === "ipv6") calls.setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  return fd;
}

/** `error` of a stream, as a code; undefined: it is of another kind. */
export function networkErrorCode(error: IoError): NetworkCode | undefined {
  const { errno, isNetwork } = resolve(error);
  return isNetwork ? networkCode(errno) : undefined;
}
