/**
 * What containerd writes to the stdin of `start` and `-info`: the runtime options as a google.protobuf.Any, or nothing. Since
 * containerd 2.3 `start` gets containerd.runtime.bootstrap.v1.BootstrapParams, in which the options are an extension.
 */

import { ShimError } from "../errdefs/mod.ts";
import { type AnyOptions, isRuntimeOptions } from "../runc/options.ts";

/** As much as one ttRPC message may be, in which containerd sends the same options to Create. */
export const MAX_OPTIONS_BYTES = 4 << 20;

/**
 * All of `input`, so that whoever writes to it never waits.
 * @throws ShimError InvalidArgument: more than MAX_OPTIONS_BYTES.
 */
export function readOptions(input: { readSync(buffer: Uint8Array): number | null }): Uint8Array {
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(64 << 10);
  let size = 0;
  for (let count; (count = input.readSync(buffer)) !== null;) {
    size += count;
    if (size > MAX_OPTIONS_BYTES) {
      throw new ShimError(
        "InvalidArgument",
        `read the runtime options: more than ${MAX_OPTIONS_BYTES} bytes on stdin`,
      );
    }
    chunks.push(buffer.slice(0, count));
  }
  const options = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    options.set(chunk, at);
    at += chunk.length;
  }
  return options;
}

/**
 * The runtime options in what `start` has got, or undefined. They are read by hand, since the shim's answer must not wait for
 * protobufjs. What cannot be read is no failure: Create brings the options again.
 */
export function parseStartOptions(bytes: Uint8Array): AnyOptions | undefined {
  const fields = readFields(bytes);
  // Both have a string as field 1 and bytes as field 2; BootstrapParams always has more.
  if (fields.every(({ number }) => number === 1 || number === 2)) return readAny(fields);
  const extensions = fields.filter(({ number }) => number === 8).flatMap(({ value }) =>
    readFields(value).filter(({ number }) => number === 1)
  );
  const options = extensions.map(({ value }) => readAny(readFields(value)));
  return options.find((any) => any && isRuntimeOptions(any.typeUrl));
}

interface BytesField {
  number: number;
  /** Empty for numbers, of which none matters here. */
  value: Uint8Array;
}

/** The last of a field counts. */
function readAny(fields: readonly BytesField[]): AnyOptions | undefined {
  const last = (number: number) => fields.findLast((field) => field.number === number)?.value;
  const typeUrl = new TextDecoder().decode(last(1));
  return typeUrl === "" ? undefined : { typeUrl, value: last(2) ?? new Uint8Array() };
}

/** Fields of a protobuf message (https://protobuf.dev/programming-guides/encoding); none when it is malformed. */
function readFields(bytes: Uint8Array): BytesField[] {
  const fields: BytesField[] = [];
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1;; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (!(byte & 128)) return byte === undefined ? NaN : value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    let size = 0;
    if (type === 0) varint();
    else if (type === 1) size = 8;
    else if (type === 2) size = varint();
    else if (type === 5) size = 4;
    else return [];
    if (!(at + size <= bytes.length)) return [];
    const value = bytes.subarray(at, at += size);
    fields.push({ number: Math.floor(tag / 8), value: type === 2 ? value : new Uint8Array() });
  }
  return fields;
}
