/**
 * The runtime options that containerd writes to the stdin of `start` and `-info`: a google.protobuf.Any, or nothing.
 * Nothing in them concerns Wasm containers.
 */

import { ShimError } from "../errdefs/mod.ts";

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
