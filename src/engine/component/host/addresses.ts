/** IP addresses of wasi:sockets/network, and as sockaddr_in and sockaddr_in6 of ip(7) and ipv6(7). */

export type Ipv4 = [number, number, number, number];
export type Ipv6 = [number, number, number, number, number, number, number, number];
export type IpAddress = { tag: "ipv4"; val: Ipv4 } | { tag: "ipv6"; val: Ipv6 };
export type Family = IpAddress["tag"];

export type SocketAddress =
  | { tag: "ipv4"; val: { port: number; address: Ipv4 } }
  | { tag: "ipv6"; val: { port: number; flowInfo: number; address: Ipv6; scopeId: number } };

/** AF_INET and AF_INET6 of socket(2). */
export const FAMILIES: Record<Family, number> = { ipv4: 2, ipv6: 10 };

/** Of struct sockaddr_in6, the longer one. */
export const ADDRESS_BYTES = 28;
const IPV4_BYTES = 16;

/** A struct sockaddr: family in the machine's order, the rest in the network's. */
export function encodeAddress(address: SocketAddress): Uint8Array<ArrayBuffer> {
  const isV4 = address.tag === "ipv4";
  const view = new DataView(new ArrayBuffer(isV4 ? IPV4_BYTES : ADDRESS_BYTES));
  view.setUint16(0, FAMILIES[address.tag], true);
  view.setUint16(2, address.val.port);
  if (isV4) address.val.address.forEach((byte, index) => view.setUint8(4 + index, byte));
  else {
    view.setUint32(4, address.val.flowInfo);
    address.val.address.forEach((part, index) => view.setUint16(8 + 2 * index, part));
    view.setUint32(24, address.val.scopeId, true);
  }
  return new Uint8Array(view.buffer);
}

/** undefined: of another family */
export function decodeAddress(bytes: Uint8Array): SocketAddress | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  const port = view.getUint16(2);
  if (family === FAMILIES.ipv4) {
    return { tag: "ipv4", val: { port, address: [...bytes.subarray(4, 8)] as Ipv4 } };
  }
  if (family !== FAMILIES.ipv6) return undefined;
  const address = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + 2 * index)) as Ipv6;
  const [flowInfo, scopeId] = [view.getUint32(4), view.getUint32(24, true)];
  return { tag: "ipv6", val: { port, flowInfo, address, scopeId } };
}

/** 0.0.0.0 or [::], port 0. */
export function unspecified(family: Family): SocketAddress {
  return family === "ipv4"
    ? { tag: "ipv4", val: { port: 0, address: [0, 0, 0, 0] } }
    : { tag: "ipv6", val: { port: 0, flowInfo: 0, address: [0, 0, 0, 0, 0, 0, 0, 0], scopeId: 0 } };
}

export function isUnspecified({ val: { address } }: SocketAddress): boolean {
  return address.every((part) => part === 0);
}

/** ::ffff:a.b.c.d, which sockets of wasi:sockets do not take: they are for one family. */
export function isMapped({ tag, val: { address } }: SocketAddress): boolean {
  return tag === "ipv6" && address[5] === 0xffff && address.slice(0, 5).every((part) => part === 0);
}

/** Whether one may be reached by several: 224.0.0.0/4, ff00::/8, and the limited broadcast. */
export function isUnicast({ tag, val: { address } }: SocketAddress): boolean {
  if (tag === "ipv6") return address[0] >> 8 !== 0xff;
  return address[0] >> 4 !== 0xe && !address.every((part) => part === 255);
}

/** An address in text; undefined: it is none. Zones are not taken. */
export function parseAddress(text: string): IpAddress | undefined {
  const parts = text.split(".");
  if (parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && +part < 256)) {
    return { tag: "ipv4", val: parts.map(Number) as Ipv4 };
  }
  return parseIpv6(text);
}

function parseIpv6(text: string): IpAddress | undefined {
  let colons = text;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const inner = parseAddress(tail[2]);
    if (inner?.tag !== "ipv4") return undefined;
    const [a, b, c, d] = inner.val;
    colons = `${tail[1]}${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`;
  }
  const halves = colons.split("::");
  if (halves.length > 2) return undefined;
  const [head, rest] = halves.map((half) => half === "" ? [] : half.split(":"));
  const given = [...head, ...rest ?? []];
  if (!given.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  if (rest === undefined ? given.length !== 8 : given.length > 7) return undefined;
  const zeros = Array<string>(8 - given.length).fill("0");
  const all = rest === undefined ? given : [...head, ...zeros, ...rest];
  return { tag: "ipv6", val: all.map((part) => parseInt(part, 16)) as Ipv6 };
}
