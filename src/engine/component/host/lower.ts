/**
 * The functions that programs call most, working on the guest's memory as the canonical ABI has it. The script takes
 * such a form of a function from its property Symbol.for("cabiLower"); its own takes 3 µs a call. What they do is what
 * the methods of the same names do.
 * https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md
 */

import { createHandle, type HandleTable, lookUp } from "./resource.ts";
import { InputStream, OutputStream, type StreamError } from "./streams.ts";

/** What the script gives a function that lowers itself: what its type needs of these. */
interface Options {
  memory: WebAssembly.Memory;
  realloc: (pointer: number, size: number, align: number, newSize: number) => number;
  /** Those of the resources in its type. */
  resourceTables: HandleTable[];
}

// deno-lint-ignore ban-types -- any function, by its own property
function lowerAs(method: Function, lower: (options: Options) => (...args: never[]) => unknown) {
  Object.defineProperty(method, Symbol.for("cabiLower"), { value: lower });
}

const OK = 0;
const ERR = 1;
const LAST_OPERATION_FAILED = 0;
const CLOSED = 1;

/** Offsets in `result<_, stream-error>`, of which the payload is aligned to 4 or, for a u64, to 8. */
const PAYLOAD = { four: 4, eight: 8 } as const;

/** Views of a memory, made anew when it has grown. */
class View {
  #data: DataView;

  constructor(readonly memory: WebAssembly.Memory) {
    this.#data = new DataView(memory.buffer);
  }

  get data(): DataView {
    if (this.#data.buffer !== this.memory.buffer) this.#data = new DataView(this.memory.buffer);
    return this.#data;
  }

  /** @throws RangeError, a trap: outside of the memory */
  bytes(at: number, size: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory.buffer as ArrayBuffer, at >>> 0, size >>> 0);
  }
}

function trapUnknown(handle: number): never {
  throw new WebAssembly.RuntimeError(`unknown handle index ${handle}`);
}

/** The table that has no stream at `handle` is that of errors, which come first. */
function putError(
  { data }: View,
  tables: readonly HandleTable[],
  at: number,
  payload: number,
  error: StreamError,
): void {
  data.setUint8(at, ERR);
  if (error.tag === "closed") return data.setUint8(at + payload, CLOSED);
  data.setUint8(at + payload, LAST_OPERATION_FAILED);
  data.setInt32(at + payload + 4, createHandle(tables[0], error.val), true);
}

/** A method of an output stream that takes bytes. */
function lowerWrite(act: (stream: OutputStream, bytes: Uint8Array) => StreamError | undefined) {
  return ({ memory, resourceTables }: Options) => {
    const view = new View(memory);
    return (handle: number, from: number, size: number, at: number) => {
      const stream = lookUp(resourceTables, handle, OutputStream) ?? trapUnknown(handle);
      const failed = act(stream, view.bytes(from, size));
      if (failed) putError(view, resourceTables, at >>> 0, PAYLOAD.four, failed);
      else view.data.setUint8(at >>> 0, OK);
    };
  };
}

/** A method of an input stream that gives bytes. */
function lowerRead(block: boolean) {
  return ({ memory, realloc, resourceTables }: Options) => {
    const view = new View(memory);
    return (handle: number, size: bigint, at: number) => {
      const stream = lookUp(resourceTables, handle, InputStream) ?? trapUnknown(handle);
      const taken = stream.take(BigInt.asUintN(64, size), block);
      if (!(taken instanceof Uint8Array)) {
        return putError(view, resourceTables, at >>> 0, PAYLOAD.four, taken);
      }
      const to = realloc(0, 0, 1, taken.length) >>> 0;
      view.bytes(to, taken.length).set(taken);
      view.data.setUint8(at >>> 0, OK);
      view.data.setUint32((at >>> 0) + PAYLOAD.four, to, true);
      view.data.setUint32((at >>> 0) + PAYLOAD.four + 4, taken.length, true);
    };
  };
}

lowerAs(OutputStream.prototype.write, lowerWrite((stream, bytes) => stream.put(bytes)));
lowerAs(
  OutputStream.prototype.blockingWriteAndFlush,
  lowerWrite((stream, bytes) => stream.putBlocking(bytes)),
);
lowerAs(OutputStream.prototype.blockingFlush, ({ memory, resourceTables }) => {
  const view = new View(memory);
  return (handle: number, at: number) => {
    const stream = lookUp(resourceTables, handle, OutputStream) ?? trapUnknown(handle);
    const failed = stream.flushAll();
    if (failed) putError(view, resourceTables, at >>> 0, PAYLOAD.four, failed);
    else view.data.setUint8(at >>> 0, OK);
  };
});
lowerAs(OutputStream.prototype.checkWrite, ({ memory, resourceTables }) => {
  const view = new View(memory);
  return (handle: number, at: number) => {
    const stream = lookUp(resourceTables, handle, OutputStream) ?? trapUnknown(handle);
    const room = stream.room();
    if (typeof room !== "number") {
      return putError(view, resourceTables, at >>> 0, PAYLOAD.eight, room);
    }
    view.data.setUint8(at >>> 0, OK);
    view.data.setBigUint64((at >>> 0) + PAYLOAD.eight, BigInt(room), true);
  };
});
lowerAs(InputStream.prototype.read, lowerRead(false));
lowerAs(InputStream.prototype.blockingRead, lowerRead(true));

/** A function without parameters that gives a number: clocks, random numbers. */
export function lowerPlain<Value extends bigint>(call: () => Value): () => Value {
  lowerAs(call, () => () => BigInt.asIntN(64, call()));
  return call;
}
