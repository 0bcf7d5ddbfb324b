/** The system calls that this host makes, with strings and objects where those of linux/system.ts have bytes. */

import { ADDRESS_SIZE, STAT_SIZE, type System, TIMES } from "../../../linux/system.ts";
import { check, cString } from "../../../linux/native.ts";

/** fstat(2); times in ns since 1970. */
export interface Stat {
  device: bigint;
  inode: bigint;
  mode: bigint;
  links: bigint;
  size: bigint;
  accessedNs: bigint;
  modifiedNs: bigint;
  changedNs: bigint;
}

/** What to set a file's times to, in ns since 1970; undefined: leave it. */
export interface Times {
  accessed: bigint | "now" | undefined;
  modified: bigint | "now" | undefined;
}

/** A path below a folder, and how it is looked up. */
export interface Place {
  folder: number;
  path: string;
  how: number;
}

const PATH_MAX = 4096;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** All that can fail answer a negative errno then. Paths are below a folder, and `how` is of HOW. */
export class Calls {
  readonly #word = new Uint8Array(8);
  readonly #number = new BigUint64Array(this.#word.buffer);
  readonly #stat = new Uint8Array(STAT_SIZE);
  readonly #link = new Uint8Array(PATH_MAX);
  readonly #address = new Uint8Array(ADDRESS_SIZE);

  constructor(readonly system: System) {}

  read(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
    return this.system.read(fd, buffer, 0, buffer.length);
  }

  write(fd: number, bytes: Uint8Array): number {
    return this.system.write(fd, bytes as Uint8Array<ArrayBuffer>, 0, bytes.length);
  }

  pread(fd: number, buffer: Uint8Array<ArrayBuffer>, offset: bigint): number {
    return this.system.pread(fd, buffer, 0, buffer.length, BigInt.asIntN(64, offset));
  }

  pwrite(fd: number, bytes: Uint8Array, offset: bigint): number {
    const buffer = bytes as Uint8Array<ArrayBuffer>;
    return this.system.pwrite(fd, buffer, 0, bytes.length, BigInt.asIntN(64, offset));
  }

  /** @param fds pollfds; @param timeoutNs negative: for ever */
  poll(fds: Uint8Array<ArrayBuffer>, count: number, timeoutNs: bigint): number {
    return this.system.poll(fds, count, timeoutNs);
  }

  /** ns of a clock, CLOCK_*. */
  clockTime(clock: number): bigint {
    check(this.system.clockTime(clock, this.#word, 0), "clock_gettime");
    return this.#number[0];
  }

  clockResolution(clock: number): bigint {
    check(this.system.clockResolution(clock, this.#word, 0), "clock_getres");
    return this.#number[0];
  }

  random(buffer: Uint8Array<ArrayBuffer>): void {
    check(this.system.random(buffer, 0, buffer.length), "getrandom");
  }

  isTerminal(fd: number): boolean {
    return this.system.isatty(fd) === 1;
  }

  /** A directory of the process itself. @throws ShimError */
  openHost(path: string, flags: number): number {
    return check(this.system.openHost(cString(path), flags), `open ${path}`);
  }

  open(folder: number, path: string, flags: number, mode: number, how: number): number {
    const name = encoder.encode(path);
    return this.system.open(folder, name, 0, name.length, flags, mode, how);
  }

  close(fd: number): number {
    return this.system.close(fd);
  }

  stat(fd: number): Stat | number {
    return this.#statOf(this.system.fstat(fd, this.#stat, 0));
  }

  statAt(folder: number, path: string, how: number): Stat | number {
    const name = encoder.encode(path);
    return this.#statOf(this.system.stat(folder, name, 0, name.length, how, this.#stat, 0));
  }

  #statOf(status: number): Stat | number {
    if (status < 0) return status;
    const [device, inode, mode, links, size, accessedNs, modifiedNs, changedNs] =
      new BigUint64Array(this.#stat.buffer);
    return { device, inode, mode, links, size, accessedNs, modifiedNs, changedNs };
  }

  mkdir(folder: number, path: string, mode: number, how: number): number {
    const name = encoder.encode(path);
    return this.system.mkdir(folder, name, 0, name.length, mode, how);
  }

  /** @param flags 0 or AT_REMOVEDIR */
  unlink(folder: number, path: string, flags: number, how: number): number {
    const name = encoder.encode(path);
    return this.system.unlink(folder, name, 0, name.length, flags, how);
  }

  rename(from: Place, to: Place): number {
    const [name, newName] = [encoder.encode(from.path), encoder.encode(to.path)];
    return this.system.rename(
      ...[from.folder, name, 0, name.length, from.how] as const,
      ...[to.folder, newName, 0, newName.length, to.how] as const,
    );
  }

  link(from: Place, to: Place): number {
    const [name, newName] = [encoder.encode(from.path), encoder.encode(to.path)];
    return this.system.link(
      ...[from.folder, name, 0, name.length, from.how] as const,
      ...[to.folder, newName, 0, newName.length, to.how] as const,
    );
  }

  symlink(target: string, { folder, path, how }: Place): number {
    const [text, name] = [encoder.encode(target), encoder.encode(path)];
    return this.system.symlink(text, 0, text.length, folder, name, 0, name.length, how);
  }

  readlink(folder: number, path: string, how: number): string | number {
    const name = encoder.encode(path);
    const link = this.#link;
    const size = this.system.readlink(folder, name, 0, name.length, how, link, 0, link.length);
    return size < 0 ? size : decoder.decode(link.subarray(0, size));
  }

  utimens(folder: number, path: string, how: number, times: Times): number {
    const name = encoder.encode(path);
    const { accessedNs, modifiedNs, which } = timesOf(times);
    return this.system.utimens(folder, name, 0, name.length, how, accessedNs, modifiedNs, which);
  }

  futimens(fd: number, times: Times): number {
    const { accessedNs, modifiedNs, which } = timesOf(times);
    return this.system.futimens(fd, accessedNs, modifiedNs, which);
  }

  truncate(fd: number, size: bigint): number {
    return this.system.truncate(fd, BigInt.asIntN(64, size));
  }

  /** @param advice POSIX_FADV_* */
  advise(fd: number, offset: bigint, size: bigint, advice: number): number {
    return this.system.advise(fd, BigInt.asIntN(64, offset), BigInt.asIntN(64, size), advice);
  }

  sync(fd: number): number {
    return this.system.sync(fd);
  }

  datasync(fd: number): number {
    return this.system.datasync(fd);
  }

  getFlags(fd: number): number {
    return this.system.getFlags(fd);
  }

  setFlags(fd: number, flags: number): number {
    return this.system.setFlags(fd, flags);
  }

  /** Entries after `cookie` as dirents of WASI preview 1. @param ahead of `fd` alone */
  readdir(
    fd: number,
    ahead: Uint8Array<ArrayBuffer>,
    cookie: bigint,
    out: Uint8Array<ArrayBuffer>,
  ): number {
    return this.system.readdir(fd, ahead, ahead.length, cookie, out, 0, out.length);
  }

  socket(family: number, type: number): number {
    return this.system.socket(family, type, 0);
  }

  bind(fd: number, address: Uint8Array<ArrayBuffer>): number {
    return this.system.bind(fd, address, address.length);
  }

  connect(fd: number, address: Uint8Array<ArrayBuffer>): number {
    return this.system.connect(fd, address, address.length);
  }

  listen(fd: number, backlog: number): number {
    return this.system.listen(fd, backlog);
  }

  /** @param flags 0 or SOCK_NONBLOCK */
  accept(fd: number, flags: number): number {
    return this.system.accept(fd, flags, null);
  }

  /** @param address missing: to whom the socket is connected */
  send(fd: number, bytes: Uint8Array, address?: Uint8Array<ArrayBuffer>): number {
    const buffer = bytes as Uint8Array<ArrayBuffer>;
    return this.system.send(fd, buffer, 0, bytes.length, 0, address ?? null, address?.length ?? 0);
  }

  receive(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
    return this.system.receive(fd, buffer, 0, buffer.length, 0, null);
  }

  /** From whom: `address` is good until the next call. */
  receiveFrom(
    fd: number,
    buffer: Uint8Array<ArrayBuffer>,
  ): { size: number; address: Uint8Array } | number {
    const size = this.system.receive(fd, buffer, 0, buffer.length, 0, this.#address);
    return size < 0 ? size : { size, address: this.#address };
  }

  /** @param how 0: read, 1: write, 2: both */
  shutdown(fd: number, how: number): number {
    return this.system.shutdown(fd, how);
  }

  /** An option whose value is an int. */
  getOption(fd: number, level: number, option: number): number {
    const value = new Int32Array(1);
    const bytes = new Uint8Array(value.buffer);
    const status = this.system.getsockopt(fd, level, option, bytes, bytes.length);
    return status < 0 ? status : value[0];
  }

  setOption(fd: number, level: number, option: number, value: number): number {
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    return this.system.setsockopt(fd, level, option, bytes, bytes.length);
  }

  /** Good until the next call. */
  localAddress(fd: number): Uint8Array | number {
    const status = this.system.getsockname(fd, this.#address, this.#address.length);
    return status < 0 ? status : this.#address;
  }

  remoteAddress(fd: number): Uint8Array | number {
    const status = this.system.getpeername(fd, this.#address, this.#address.length);
    return status < 0 ? status : this.#address;
  }
}

function timesOf({ accessed, modified }: Times) {
  const which = (time: Times["accessed"], set: number, now: number) =>
    time === undefined ? 0 : time === "now" ? now : set;
  const ns = (time: Times["accessed"]) => typeof time === "bigint" ? time : 0n;
  return {
    accessedNs: ns(accessed),
    modifiedNs: ns(modified),
    which: which(accessed, TIMES.ACCESSED, TIMES.ACCESSED_NOW) |
      which(modified, TIMES.MODIFIED, TIMES.MODIFIED_NOW),
  };
}
