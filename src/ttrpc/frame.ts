/** Frames of ttRPC: see PROTOCOL.md. */

import { ShimError } from "../errdefs/mod.ts";

export const HEADER_LENGTH = 10;

/** The longest payload, in bytes. */
export const MAX_PAYLOAD_LENGTH = 4 << 20;

/** The first byte of the length is reserved and zero: longer frames are not ttRPC. */
const RESERVED_LENGTH = 1 << 24;

export const MESSAGE_TYPE = { request: 1, response: 2, data: 3 } as const;

const EMPTY = new Uint8Array();

export interface Frame {
  readonly streamId: number;
  /** One of MESSAGE_TYPE, or a type of the future. */
  readonly type: number;
  readonly flags: number;
  /** A copy of its own; empty when `oversize`. */
  readonly payload: Uint8Array;
  /** The length of a payload that was too long, and therefore skipped. */
  readonly oversize?: number;
}

/** The text of ResourceExhausted errors, which Go's ttRPC words so. */
export function oversizeText(length: number): string {
  return `message length ${length} exceed maximum message size of ${MAX_PAYLOAD_LENGTH}`;
}

/** The bytes of a frame without flags. Throws ResourceExhausted when `payload` is too long. */
export function encodeFrame(
  streamId: number,
  type: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  if (payload.length > MAX_PAYLOAD_LENGTH) {
    throw new ShimError("ResourceExhausted", oversizeText(payload.length));
  }
  const bytes = new Uint8Array(HEADER_LENGTH + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length); // bytes 0-3
  view.setUint32(4, streamId); // bytes 4-7
  view.setUint8(8, type); // byte 8; byte 9 is flags
  bytes.set(payload, HEADER_LENGTH);
  return bytes;
}

/** A frame whose header is complete and whose payload is not. */
interface Partial {
  readonly frame: Frame;
  /** Bytes of the payload, oversize or not, that have not come yet. */
  missing: number;
}

/** Cuts a stream of bytes into frames, however it is split. Copies each byte once. */
export class FrameDecoder {
  readonly #header = new Uint8Array(HEADER_LENGTH);
  #headerLength = 0;
  #partial: Partial | undefined;

  /** Whether the bytes so far end within a frame. */
  get isInsideFrame(): boolean {
    return this.#headerLength > 0 || this.#partial !== undefined;
  }

  /**
   * The frames that `chunk` completes; it may be reused afterwards. Iterate to the end before the next
   * call. Throws InvalidArgument at a header that no ttRPC peer sends; nothing can follow that.
   */
  *push(chunk: Uint8Array): Generator<Frame> {
    let pos = 0;
    while (pos < chunk.length) {
      if (this.#partial === undefined) {
        const take = Math.min(HEADER_LENGTH - this.#headerLength, chunk.length - pos);
        this.#header.set(chunk.subarray(pos, pos + take), this.#headerLength);
        this.#headerLength += take;
        pos += take;
        if (this.#headerLength < HEADER_LENGTH) return;
        this.#headerLength = 0;
        this.#partial = startFrame(this.#header);
      }
      const { frame, missing } = this.#partial;
      const take = Math.min(missing, chunk.length - pos);
      if (frame.oversize === undefined) {
        frame.payload.set(chunk.subarray(pos, pos + take), frame.payload.length - missing);
      }
      pos += take;
      this.#partial.missing -= take;
      if (this.#partial.missing > 0) return;
      this.#partial = undefined;
      yield frame;
    }
  }
}

function startFrame(header: Uint8Array): Partial {
  const view = new DataView(header.buffer, header.byteOffset);
  const length = view.getUint32(0);
  if (length >= RESERVED_LENGTH) {
    throw new ShimError("InvalidArgument", `frame length: ${length}`);
  }
  const rest = { streamId: view.getUint32(4), type: view.getUint8(8), flags: view.getUint8(9) };
  const frame = length > MAX_PAYLOAD_LENGTH
    ? { ...rest, payload: EMPTY, oversize: length }
    : { ...rest, payload: new Uint8Array(length) };
  return { frame, missing: length };
}
