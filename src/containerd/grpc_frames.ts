/** gRPC's messages in the body of a request or an answer: u8 compressed, u32 big-endian length, the bytes. */

import { ShimError } from "../errdefs/mod.ts";

const HEAD_BYTES = 5;

/** containerd's own limit (github.com/containerd/containerd/v2/defaults). */
const MAX_MESSAGE_BYTES = 16 << 20;

export function encodeMessage(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEAD_BYTES + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, HEAD_BYTES);
  return frame;
}

/**
 * The messages of a body, however it is cut into chunks, of which they may be views.
 * @param name of the method
 * @throws ShimError Unavailable: it ends within a message; ResourceExhausted: one is too long; Unimplemented: one is
 * compressed
 */
export async function* decodeMessages(
  body: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const queue = new Chunks();
  let size = -1; // of the message that comes; negative: its head comes
  for await (const chunk of body) {
    queue.add(chunk);
    for (;;) {
      const wanted = size < 0 ? HEAD_BYTES : size;
      if (queue.size < wanted) break;
      const bytes = queue.take(wanted);
      if (size >= 0) yield bytes;
      size = size < 0 ? messageSize(bytes, name) : -1;
    }
  }
  if (size >= 0 || queue.size > 0) {
    throw new ShimError("Unavailable", `${name}: the answer ends within a message`);
  }
}

function messageSize(head: Uint8Array, name: string): number {
  const size = new DataView(head.buffer, head.byteOffset).getUint32(1);
  if (head[0] !== 0) throw new ShimError("Unimplemented", `${name}: a compressed message`);
  if (size <= MAX_MESSAGE_BYTES) return size;
  throw new ShimError(
    "ResourceExhausted",
    `${name}: a message of ${size} bytes: more than ${MAX_MESSAGE_BYTES}`,
  );
}

/** Bytes that come in chunks and go in other pieces; each is copied once at most. */
class Chunks {
  readonly #chunks: Uint8Array[] = [];
  size = 0;

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.size += chunk.length;
  }

  /** The first `count` bytes, which must be there. */
  take(count: number): Uint8Array {
    this.size -= count;
    const [first] = this.#chunks;
    if (first && first.length >= count) {
      this.#cut(count);
      return first.subarray(0, count);
    }
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const piece = this.#chunks[0].subarray(0, count - at);
      bytes.set(piece, at);
      at += piece.length;
      this.#cut(piece.length);
    }
    return bytes;
  }

  /** Drop the first `count` bytes of the first chunk. */
  #cut(count: number): void {
    if (this.#chunks[0].length === count) this.#chunks.shift();
    else this.#chunks[0] = this.#chunks[0].subarray(count);
  }
}
