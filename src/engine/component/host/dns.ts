/** DNS messages: a question for addresses, and the addresses of an answer. RFC 1035, RFC 3596. */

import type { IpAddress, Ipv4, Ipv6 } from "./addresses.ts";

export const TYPE = { A: 1, CNAME: 5, AAAA: 28 } as const;
const CLASS_IN = 1;
const HEADER_BYTES = 12;
const RECURSION_DESIRED = 0x0100;
const IS_ANSWER = 0x8000;
const IS_CUT = 0x0200;
const RCODE_MASK = 0xf;
const POINTER = 0xc0;

/** The codes of a header that matter. */
export const RCODE = { OK: 0, NO_SUCH_NAME: 3 } as const;

const MOST_NAME = 253;

/** `name` in lower case and as IDNA has it, without the dot at its end; undefined: it is none. */
export function toAscii(name: string): string | undefined {
  if (/[:/@?#%\\\s]/.test(name)) return undefined; // what is not a host's to a URL
  const url = URL.parse(`http://${name.replace(/\.$/, "")}/`);
  const ascii = url?.host;
  if (!ascii || ascii.length > MOST_NAME) return undefined;
  return /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/.test(ascii)
    ? ascii
    : undefined;
}

/** A question for the addresses of `name`. @param id 0-65535 @param type TYPE.A or TYPE.AAAA */
export function encodeQuestion(id: number, name: string, type: number): Uint8Array<ArrayBuffer> {
  const labels = name.split(".");
  const bytes = new Uint8Array(HEADER_BYTES + name.length + 2 + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, RECURSION_DESIRED);
  view.setUint16(4, 1); // questions
  let at = HEADER_BYTES;
  for (const label of labels) {
    bytes[at++] = label.length;
    bytes.set(new TextEncoder().encode(label), at);
    at += label.length;
  }
  view.setUint16(at + 1, type);
  view.setUint16(at + 3, CLASS_IN);
  return bytes;
}

export interface DnsAnswer {
  rcode: number;
  /** Not all fitted: TC. */
  isCut: boolean;
  addresses: IpAddress[];
}

/** The answer to question `id` for `type` in `bytes`; undefined: it is something else, or malformed. */
export function decodeAnswer(bytes: Uint8Array, id: number, type: number): DnsAnswer | undefined {
  try {
    return decode(bytes, id, type);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function decode(bytes: Uint8Array, id: number, type: number): DnsAnswer | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  if (view.getUint16(0) !== id || (flags & IS_ANSWER) === 0) return undefined;
  let at = HEADER_BYTES;
  for (let left = view.getUint16(4); left > 0; left--) at = skipName(view, at) + 4;
  const addresses: IpAddress[] = [];
  for (let left = view.getUint16(6); left > 0; left--) {
    at = skipName(view, at);
    const [kind, size] = [view.getUint16(at), view.getUint16(at + 8)];
    at += 10;
    // Records of other names are those that the question's leads to by CNAME.
    if (kind === type && type === TYPE.A && size === 4) {
      addresses.push({ tag: "ipv4", val: [...bytes.subarray(at, at + 4)] as Ipv4 });
    } else if (kind === type && type === TYPE.AAAA && size === 16) {
      const parts = Array.from({ length: 8 }, (_, index) => view.getUint16(at + 2 * index));
      addresses.push({ tag: "ipv6", val: parts as Ipv6 });
    }
    at += size;
  }
  return { rcode: flags & RCODE_MASK, isCut: (flags & IS_CUT) !== 0, addresses };
}

/** Where a name that begins at `at` ends. */
function skipName(view: DataView, at: number): number {
  for (;;) {
    const size = view.getUint8(at);
    if (size === 0) return at + 1;
    if ((size & POINTER) === POINTER) return at + 2;
    at += 1 + size;
  }
}
