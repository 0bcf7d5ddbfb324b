/** Sources and sinks over files, each with an offset of its own. */

import { O } from "../../../linux/system.ts";
import type { Calls } from "./calls.ts";
import { readWith, writeWith } from "./descriptors.ts";
import type { Wait } from "./poll.ts";
import type { Errno, Sink, Source } from "./streams.ts";

const FILE_ROOM = 1 << 20;

/** A descriptor of this process that a descriptor of the guest and its streams share; the last one closes it. */
export class OpenFile {
  #holders = 1;

  constructor(readonly calls: Calls, readonly fd: number) {}

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders === 0) this.calls.close(this.fd);
  }
}

/** What all of them have in common: a file is always ready. */
abstract class FileEnd {
  constructor(readonly file: OpenFile) {}

  wait(): Wait {
    return "ready";
  }

  close(): void {
    this.file.release();
  }
}

/** A file's bytes from an offset on. */
export class FileSource extends FileEnd implements Source {
  constructor(file: OpenFile, private offset: bigint) {
    super(file);
  }

  read(size: number): Uint8Array | null | Errno {
    const { calls, fd } = this.file;
    const found = readWith(size, (buffer) => calls.pread(fd, buffer, this.offset));
    if (found instanceof Uint8Array) this.offset += BigInt(found.length);
    return found;
  }
}

/** A file from an offset on. */
export class FileSink extends FileEnd implements Sink {
  constructor(file: OpenFile, private offset: bigint) {
    super(file);
  }

  room(): number {
    return FILE_ROOM;
  }

  write(bytes: Uint8Array): Errno {
    const { calls, fd } = this.file;
    const failed = writeWith(
      calls,
      bytes,
      "ready",
      (rest, at) => calls.pwrite(fd, rest, this.offset + BigInt(at)),
    );
    if (failed === 0) this.offset += BigInt(bytes.length);
    return failed;
  }
}

/** The end of a file, wherever that is at the time. */
export class AppendSink extends FileEnd implements Sink {
  room(): number {
    return FILE_ROOM;
  }

  write(bytes: Uint8Array): Errno {
    const { calls, fd } = this.file;
    const flags = calls.getFlags(fd);
    if (flags < 0) return flags;
    calls.setFlags(fd, flags | O.APPEND);
    try {
      return writeWith(calls, bytes, "ready", (rest) => calls.write(fd, rest));
    } finally {
      calls.setFlags(fd, flags);
    }
  }
}
