/**
 * wasi:filesystem: descriptors of files and directories. No path leads out of the directory it is looked up in.
 * https://github.com/WebAssembly/WASI/blob/v0.2.8/wasip2/filesystem/types.wit
 */

import type { Preopen } from "../../mod.ts";
import { AT_REMOVEDIR, HOW, O } from "../../../linux/system.ts";
import type { Calls, Place, Stat, Times } from "./calls.ts";
import type { Datetime } from "./clocks.ts";
import { type FilesystemCode, filesystemCode, filesystemResult } from "./codes.ts";
import { readWith, writeWith } from "./descriptors.ts";
import { AppendSink, FileSink, FileSource, OpenFile } from "./files.ts";
import { DirectoryEntryStream, openEntries } from "./directory.ts";
import { resolve, Resource, type Scope } from "./resource.ts";
import { err, ok, type Result } from "./result.ts";
import {
  type DescriptorStat,
  descriptorStat,
  type DescriptorType,
  descriptorType,
  type MetadataHash,
  metadataHash,
} from "./stat.ts";
import { InputStream, type IoError, OutputStream } from "./streams.ts";

const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;
const NS_PER_S = 1_000_000_000n;

/** The most that one call reads. */
const MOST_BYTES = 1 << 20;

const ADVICE = {
  ...{ normal: 0, random: 1, sequential: 2 },
  ...{ "will-need": 3, "dont-need": 4, "no-reuse": 5 },
} as const;

interface DescriptorFlags {
  read?: boolean;
  write?: boolean;
  fileIntegritySync?: boolean;
  dataIntegritySync?: boolean;
  requestedWriteSync?: boolean;
  mutateDirectory?: boolean;
}

interface OpenFlags {
  create?: boolean;
  directory?: boolean;
  exclusive?: boolean;
  truncate?: boolean;
}

interface PathFlags {
  symlinkFollow?: boolean;
}

type NewTimestamp = { tag: "no-change" } | { tag: "now" } | { tag: "timestamp"; val: Datetime };

type Answer<Value> = Result<Value, FilesystemCode>;

export class Descriptor extends Resource {
  readonly #file: OpenFile;

  /**
   * @param fd its own
   * @param how HOW.IN_ROOT: as a process sees a root folder, where absolute links lead to below it
   */
  constructor(
    readonly scope: Scope,
    readonly calls: Calls,
    readonly fd: number,
    readonly type: DescriptorType,
    readonly how = 0,
  ) {
    super(scope);
    this.#file = new OpenFile(calls, fd);
  }

  protected override release(): void {
    this.#file.release();
  }

  readViaStream(offset: bigint): Answer<InputStream> {
    if (this.type === "directory") return err("is-directory");
    const source = new FileSource(this.#file.hold(), offset);
    return ok(new InputStream(this.scope, this.calls, source));
  }

  writeViaStream(offset: bigint): Answer<OutputStream> {
    if (this.type === "directory") return err("is-directory");
    const sink = new FileSink(this.#file.hold(), offset);
    return ok(new OutputStream(this.scope, this.calls, sink));
  }

  appendViaStream(): Answer<OutputStream> {
    if (this.type === "directory") return err("is-directory");
    return ok(new OutputStream(this.scope, this.calls, new AppendSink(this.#file.hold())));
  }

  advise(offset: bigint, length: bigint, advice: keyof typeof ADVICE): Answer<undefined> {
    return done(this.calls.advise(this.fd, offset, length, ADVICE[advice]));
  }

  syncData(): Answer<undefined> {
    return done(this.calls.datasync(this.fd));
  }

  sync(): Answer<undefined> {
    return done(this.calls.sync(this.fd));
  }

  getFlags(): Answer<DescriptorFlags> {
    const flags = this.calls.getFlags(this.fd);
    const access = flags & O.ACCMODE;
    const isSync = (flags & O.SYNC) === O.SYNC;
    return filesystemResult(flags, {
      read: access === O.RDONLY || access === O.RDWR,
      write: access === O.WRONLY || access === O.RDWR,
      fileIntegritySync: isSync,
      dataIntegritySync: isSync || (flags & O.DSYNC) !== 0,
      requestedWriteSync: false,
      mutateDirectory: this.type === "directory",
    });
  }

  getType(): Answer<DescriptorType> {
    return ok(this.type);
  }

  setSize(size: bigint): Answer<undefined> {
    return done(this.calls.truncate(this.fd, size));
  }

  setTimes(accessed: NewTimestamp, modified: NewTimestamp): Answer<undefined> {
    return done(this.calls.futimens(this.fd, times(accessed, modified)));
  }

  read(length: bigint, offset: bigint): Answer<[Uint8Array, boolean]> {
    const size = length < MOST_BYTES ? Number(length) : MOST_BYTES;
    if (size === 0) return ok<[Uint8Array, boolean]>([new Uint8Array(), false]);
    const found = readWith(size, (buffer) => this.calls.pread(this.fd, buffer, offset));
    if (typeof found === "number") return err(filesystemCode(-found));
    return ok<[Uint8Array, boolean]>([found ?? new Uint8Array(), found === null]);
  }

  write(bytes: Uint8Array, offset: bigint): Answer<bigint> {
    const failed = writeWith(
      this.calls,
      bytes,
      "ready",
      (rest, at) => this.calls.pwrite(this.fd, rest, offset + BigInt(at)),
    );
    return filesystemResult(failed, BigInt(bytes.length));
  }

  readDirectory(): Answer<DirectoryEntryStream> {
    return openEntries(this.scope, this.calls, this.fd);
  }

  createDirectoryAt(path: string): Answer<undefined> {
    return done(this.calls.mkdir(this.fd, path, DIRECTORY_MODE, this.how));
  }

  stat(): Answer<DescriptorStat> {
    return withStat(this.calls.stat(this.fd), descriptorStat);
  }

  statAt(flags: PathFlags, path: string): Answer<DescriptorStat> {
    return withStat(this.calls.statAt(this.fd, path, this.#how(flags)), descriptorStat);
  }

  setTimesAt(
    flags: PathFlags,
    path: string,
    accessed: NewTimestamp,
    modified: NewTimestamp,
  ): Answer<undefined> {
    return done(this.calls.utimens(this.fd, path, this.#how(flags), times(accessed, modified)));
  }

  linkAt(flags: PathFlags, path: string, to: Descriptor, newPath: string): Answer<undefined> {
    // As wasmtime: a link to what a symbolic link points to cannot be made safely.
    if (flags.symlinkFollow) return err("invalid");
    return done(this.calls.link(this.#at(path), to.#at(newPath)));
  }

  openAt(
    pathFlags: PathFlags,
    path: string,
    openFlags: OpenFlags,
    flags: DescriptorFlags,
  ): Answer<Descriptor> {
    const fd = this.calls.open(
      this.fd,
      path,
      accessOf(flags) | creationOf(openFlags) | syncOf(flags),
      FILE_MODE,
      this.#how(pathFlags),
    );
    if (fd < 0) return err(filesystemCode(-fd));
    const stat = this.calls.stat(fd);
    if (typeof stat !== "number") {
      return ok(new Descriptor(this.scope, this.calls, fd, descriptorType(stat)));
    }
    this.calls.close(fd);
    return err(filesystemCode(-stat));
  }

  readlinkAt(path: string): Answer<string> {
    const target = this.calls.readlink(this.fd, path, this.how);
    if (typeof target === "number") return err(filesystemCode(-target));
    // As wasmtime: where an absolute link leads is not for guests to see.
    if (this.#isOutside(target)) return err<FilesystemCode>("not-permitted");
    return ok(target);
  }

  removeDirectoryAt(path: string): Answer<undefined> {
    return done(this.calls.unlink(this.fd, path, AT_REMOVEDIR, this.how));
  }

  renameAt(path: string, to: Descriptor, newPath: string): Answer<undefined> {
    return done(this.calls.rename(this.#at(path), to.#at(newPath)));
  }

  symlinkAt(target: string, path: string): Answer<undefined> {
    if (target.startsWith("/")) return err<FilesystemCode>("not-permitted");
    return done(this.calls.symlink(target, this.#at(path)));
  }

  unlinkFileAt(path: string): Answer<undefined> {
    return done(this.calls.unlink(this.fd, path, 0, this.how));
  }

  isSameObject(other: Descriptor): boolean {
    const [one, two] = [this.calls.stat(this.fd), this.calls.stat(other.fd)];
    if (typeof one === "number" || typeof two === "number") return false;
    return one.device === two.device && one.inode === two.inode;
  }

  metadataHash(): Answer<MetadataHash> {
    return withStat(this.calls.stat(this.fd), metadataHash);
  }

  metadataHashAt(flags: PathFlags, path: string): Answer<MetadataHash> {
    return withStat(this.calls.statAt(this.fd, path, this.#how(flags)), metadataHash);
  }

  #at(path: string): Place {
    return { folder: this.fd, path, how: this.how };
  }

  #how({ symlinkFollow }: PathFlags): number {
    return this.how | (symlinkFollow ? HOW.FOLLOW : 0);
  }

  /** Whether a link with this target leads out of every folder. */
  #isOutside(target: string): boolean {
    return target.startsWith("/") && !(this.how & HOW.IN_ROOT);
  }
}

function done(status: number): Answer<undefined> {
  return filesystemResult(status, undefined);
}

function withStat<Value>(found: Stat | number, make: (stat: Stat) => Value): Answer<Value> {
  return typeof found === "number" ? err(filesystemCode(-found)) : ok(make(found));
}

function accessOf({ read, write }: DescriptorFlags): number {
  if (write) return read ? O.RDWR : O.WRONLY;
  return O.RDONLY;
}

function creationOf({ create, directory, exclusive, truncate }: OpenFlags): number {
  return (create ? O.CREAT : 0) | (directory ? O.DIRECTORY : 0) | (exclusive ? O.EXCL : 0) |
    (truncate ? O.TRUNC : 0);
}

function syncOf({ fileIntegritySync, dataIntegritySync }: DescriptorFlags): number {
  return fileIntegritySync ? O.SYNC : dataIntegritySync ? O.DSYNC : 0;
}

function times(accessed: NewTimestamp, modified: NewTimestamp): Times {
  const one = (time: NewTimestamp) => {
    if (time.tag !== "timestamp") return time.tag === "now" ? "now" as const : undefined;
    return time.val.seconds * NS_PER_S + BigInt(time.val.nanoseconds);
  };
  return { accessed: one(accessed), modified: one(modified) };
}

/** `error` of a stream, as a code; undefined: it is of another kind. */
function filesystemErrorCode(error: IoError): FilesystemCode | undefined {
  const { errno, isNetwork } = resolve(error);
  return isNetwork ? undefined : filesystemCode(errno);
}

/** @throws ShimError: what opening a preopen said */
export function filesystem(calls: Calls, scope: Scope, preopens: readonly Preopen[]) {
  return {
    "wasi:filesystem/types": { Descriptor, DirectoryEntryStream, filesystemErrorCode },
    "wasi:filesystem/preopens": {
      getDirectories: (): [Descriptor, string][] =>
        preopens.map(({ host, guest }) => [
          new Descriptor(
            scope,
            calls,
            calls.openHost(host, O.DIRECTORY),
            "directory",
            guest === "/" ? HOW.IN_ROOT : 0,
          ),
          guest,
        ]),
    },
  };
}
