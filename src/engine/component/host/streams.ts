/**
 * wasi:io/streams and wasi:io/error: the resources that guests see, over sources and sinks of any kind.
 * https://github.com/WebAssembly/WASI/blob/v0.2.8/wasip2/io/streams.wit
 */

import { errnoText } from "../../../linux/errno.ts";
import type { Calls } from "./calls.ts";
import { Pollable, type Subject, waitFor } from "./poll.ts";
import { resolve, Resource, type Scope } from "./resource.ts";
import { DONE, err, ok, type Result } from "./result.ts";

/** A read or write answers a negative errno when it failed. */
export type Errno = number;

/** What a stream is over. */
interface End extends Subject {
  /** Whether its errors are of a socket. */
  readonly isNetwork?: boolean;
  close?(): void;
}

/** Where an input stream's bytes come from. */
export interface Source extends End {
  /**
   * At most `size` bytes, at least 1, of what is there; empty when that is nothing so far, null at the end. They are
   * good until the next read of any source.
   */
  read(size: number): Uint8Array | null | Errno;
  /** As read(), but waits until there is something. Where it is missing, wait() is used. */
  readBlocking?(size: number): Uint8Array | null | Errno;
}

/** Where an output stream's bytes go. */
export interface Sink extends End {
  /** How many bytes write() takes now without waiting; 0: wait. */
  room(): number | Errno;
  /** Take all of `bytes`, which may wait when they are more than room() has said. 0 or a negative errno. */
  write(bytes: Uint8Array): number | Errno;
  /** Whether all that was taken has gone out, as far as that can be had without waiting. Missing: always. */
  flushed?(): boolean | Errno;
}

export type StreamError = { tag: "last-operation-failed"; val: IoError } | { tag: "closed" };

const CLOSED: StreamError = { tag: "closed" };

/** Nobody reads any more: of a connection, that is its ordinary end. */
const EPIPE = -32;

/** The most that one call reads. */
const MOST_BYTES = 1 << 20;
const ZEROES_BYTES = 1 << 16;

/** An `error`: what went wrong with a stream. */
export class IoError extends Resource {
  /** @param errno positive, of a socket or of anything else */
  constructor(scope: Scope, readonly errno: number, readonly isNetwork: boolean) {
    super(scope);
  }

  toDebugString(): string {
    return errnoText(resolve(this).errno);
  }
}

abstract class Stream extends Resource {
  #closed = false;

  constructor(readonly scope: Scope, readonly calls: Calls, readonly subject: End) {
    super(scope);
  }

  get closed(): boolean {
    return this.#closed;
  }

  subscribe(): Pollable {
    // A closed stream is ready: whoever asks is told so.
    const wait = () => this.#closed ? "ready" as const : this.subject.wait();
    return new Pollable(this.scope, this.calls, { wait });
  }

  /** The end of the stream, with an errno or without. */
  end(errno?: Errno): StreamError {
    const first = !this.#closed;
    this.#closed = true;
    if (!first || errno === undefined || errno === EPIPE && this.subject.isNetwork) return CLOSED;
    return {
      tag: "last-operation-failed",
      val: new IoError(this.scope, -errno, this.subject.isNetwork ?? false),
    };
  }
}

export class InputStream extends Stream {
  constructor(scope: Scope, calls: Calls, readonly source: Source) {
    super(scope, calls, source);
  }

  read(size: bigint): Result<Uint8Array, StreamError> {
    return this.#result(this.take(size, false));
  }

  blockingRead(size: bigint): Result<Uint8Array, StreamError> {
    return this.#result(this.take(size, true));
  }

  skip(size: bigint): Result<bigint, StreamError> {
    return count(this.read(size));
  }

  blockingSkip(size: bigint): Result<bigint, StreamError> {
    return count(this.blockingRead(size));
  }

  /** What there is to read, or why there will be no more; good until the next read. */
  take(size: bigint, block: boolean): Uint8Array | StreamError {
    if (this.closed) return CLOSED;
    if (size === 0n) return new Uint8Array();
    const most = size < MOST_BYTES ? Number(size) : MOST_BYTES;
    for (;;) {
      const { source } = this;
      const found = block && source.readBlocking ? source.readBlocking(most) : source.read(most);
      if (found === null) return this.end();
      if (typeof found === "number") return this.end(found);
      if (found.length > 0 || !block) return found;
      waitFor(this.calls, source.wait());
    }
  }

  #result(taken: Uint8Array | StreamError): Result<Uint8Array, StreamError> {
    return taken instanceof Uint8Array ? ok(taken) : err(taken);
  }

  protected override release(): void {
    this.source.close?.();
  }
}

export class OutputStream extends Stream {
  #permitted = 0;

  constructor(scope: Scope, calls: Calls, readonly sink: Sink) {
    super(scope, calls, sink);
  }

  checkWrite(): Result<bigint, StreamError> {
    const room = this.room();
    return typeof room === "number" ? ok(BigInt(room)) : err(room);
  }

  write(bytes: Uint8Array): Result<undefined, StreamError> {
    return result(this.put(bytes));
  }

  blockingWriteAndFlush(bytes: Uint8Array): Result<undefined, StreamError> {
    return result(this.putBlocking(bytes));
  }

  flush(): Result<undefined, StreamError> {
    if (this.closed) return err(CLOSED);
    const flushed = this.sink.flushed?.() ?? true;
    return typeof flushed === "number" ? err(this.end(flushed)) : DONE;
  }

  blockingFlush(): Result<undefined, StreamError> {
    return result(this.flushAll());
  }

  writeZeroes(size: bigint): Result<undefined, StreamError> {
    return this.write(new Uint8Array(Number(size)));
  }

  blockingWriteZeroesAndFlush(size: bigint): Result<undefined, StreamError> {
    for (let left = Number(size); left > 0; left -= ZEROES_BYTES) {
      const failed = this.putBlocking(new Uint8Array(Math.min(left, ZEROES_BYTES)));
      if (failed) return err(failed);
    }
    return DONE;
  }

  splice(from: InputStream, size: bigint): Result<bigint, StreamError> {
    const room = this.room();
    if (typeof room !== "number") return err(room);
    if (room === 0) return ok(0n);
    return this.#pass(from.take(size < room ? size : BigInt(room), false));
  }

  blockingSplice(from: InputStream, size: bigint): Result<bigint, StreamError> {
    for (;;) {
      const room = this.room();
      if (typeof room !== "number") return err(room);
      if (room > 0) return this.#pass(from.take(size < room ? size : BigInt(room), true));
      waitFor(this.calls, this.sink.wait());
    }
  }

  /** How many bytes put() takes now, or why there will be no more. */
  room(): number | StreamError {
    if (this.closed) return CLOSED;
    const room = this.sink.room();
    if (room < 0) return this.end(room);
    return this.#permitted = room;
  }

  /** Write what room() has permitted. Traps when it is more. */
  put(bytes: Uint8Array): StreamError | undefined {
    if (this.closed) return CLOSED;
    if (bytes.length > this.#permitted) {
      throw new WebAssembly.RuntimeError(
        `write to a stream: ${bytes.length} bytes, of which ${this.#permitted} are permitted`,
      );
    }
    this.#permitted -= bytes.length;
    const failed = bytes.length > 0 ? this.sink.write(bytes) : 0;
    return failed < 0 ? this.end(failed) : undefined;
  }

  putBlocking(bytes: Uint8Array): StreamError | undefined {
    if (this.closed) return CLOSED;
    this.#permitted = 0;
    const failed = bytes.length > 0 ? this.sink.write(bytes) : 0;
    return failed < 0 ? this.end(failed) : this.flushAll();
  }

  flushAll(): StreamError | undefined {
    if (this.closed) return CLOSED;
    for (;;) {
      const flushed = this.sink.flushed?.() ?? true;
      if (flushed === true) return undefined;
      if (typeof flushed === "number") return this.end(flushed);
      waitFor(this.calls, this.sink.wait());
    }
  }

  #pass(taken: Uint8Array | StreamError): Result<bigint, StreamError> {
    if (!(taken instanceof Uint8Array)) return err(taken);
    const failed = this.put(taken);
    return failed ? err(failed) : ok(BigInt(taken.length));
  }

  protected override release(): void {
    this.sink.close?.();
  }
}

function count(read: Result<Uint8Array, StreamError>): Result<bigint, StreamError> {
  return read.tag === "ok" ? ok(BigInt(read.val.length)) : read;
}

function result(failed: StreamError | undefined): Result<undefined, StreamError> {
  return failed ? err(failed) : DONE;
}
