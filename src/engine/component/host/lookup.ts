/** Asking name servers for the addresses of a name: resolv.conf(5), without a wait of its own. */

import { CLOCK, POLL } from "../../../linux/system.ts";
import { encodeAddress, type IpAddress, parseAddress, type SocketAddress } from "./addresses.ts";
import type { Calls } from "./calls.ts";
import { type NetworkCode, networkCode } from "./codes.ts";
import { scratchOf } from "./descriptors.ts";
import { decodeAnswer, type DnsAnswer, encodeQuestion, RCODE, TYPE } from "./dns.ts";
import { newSocket } from "./network.ts";
import type { Wait } from "./poll.ts";

const SOCK_DGRAM = 2;
const EAGAIN = -11;
const DNS_PORT = 53;
const NS_PER_S = 1_000_000_000n;
const MOST_SERVERS = 3;
const MOST_BYTES = 4096;

export interface ResolvConf {
  servers: SocketAddress[];
  search: string[];
  /** A name with as many dots is tried as it is before the search list. */
  dots: number;
  timeoutS: number;
  attempts: number;
}

/** What `text`, a resolv.conf, says; without a name server, the one of this host. */
export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { servers: [], search: [], dots: 1, timeoutS: 5, attempts: 2 };
  for (const line of text.split("\n")) {
    const [word, ...rest] = line.replace(/[#;].*/, "").trim().split(/\s+/);
    if (word === "nameserver" && rest[0]) {
      const address = parseAddress(rest[0]);
      if (address && conf.servers.length < MOST_SERVERS) conf.servers.push(withPort(address));
    } else if (word === "search" || word === "domain") {
      conf.search = rest.map((name) => name.toLowerCase().replace(/\.$/, "")).filter(Boolean);
    } else if (word === "options") {
      for (const option of rest) {
        const [name, value] = option.split(":");
        if (name === "ndots") conf.dots = Math.min(Number(value) || 0, 15);
        if (name === "timeout") conf.timeoutS = Math.min(Number(value) || 5, 30);
        if (name === "attempts") conf.attempts = Math.min(Number(value) || 2, 5);
      }
    }
  }
  if (conf.servers.length === 0) conf.servers.push(withPort({ tag: "ipv4", val: [127, 0, 0, 1] }));
  return conf;
}

function withPort(address: IpAddress): SocketAddress {
  if (address.tag === "ipv4") return { tag: "ipv4", val: { port: DNS_PORT, address: address.val } };
  return { tag: "ipv6", val: { port: DNS_PORT, address: address.val, flowInfo: 0, scopeId: 0 } };
}

/** The names to try for `name`, in order. */
export function candidates(name: string, { search, dots }: ResolvConf): string[] {
  const found = search.map((suffix) => `${name}.${suffix}`);
  return name.split(".").length > dots ? [name, ...found] : [...found, name];
}

/** Both questions for a name, sent to one server at a time. */
export class Lookup {
  readonly #conf: ResolvConf;
  readonly #names: string[];
  #attempt = 0;
  #fd = -1;
  #untilNs = 0n;
  /** The questions that have no answer yet, and the answers. */
  #open: { id: number; type: number }[] = [];
  #answers: DnsAnswer[] = [];
  #end: IpAddress[] | NetworkCode | undefined;

  constructor(readonly calls: Calls, name: string, resolvConf: string, readonly port = DNS_PORT) {
    this.#conf = parseResolvConf(resolvConf);
    this.#names = candidates(name, this.#conf);
    this.#ask();
  }

  wait(): Wait {
    if (this.#end) return "ready";
    return { fd: this.#fd, events: POLL.IN, atNs: this.#untilNs };
  }

  /** The addresses; an error; or "would-block": wait. */
  answer(): IpAddress[] | NetworkCode {
    while (!this.#end) {
      if (!this.#receive()) return "would-block";
    }
    return this.#end;
  }

  close(): void {
    if (this.#fd >= 0) this.calls.close(this.#fd);
    this.#fd = -1;
  }

  /** Begin with the next server, or end. */
  #ask(): void {
    const { servers, attempts, timeoutS } = this.#conf;
    for (; this.#attempt < attempts * servers.length;) {
      const server = servers[this.#attempt++ % servers.length];
      this.close();
      this.#fd = newSocket(this.calls, server.tag, SOCK_DGRAM);
      if (this.#fd < 0) return void (this.#end = networkCode(-this.#fd));
      const address = { ...server, val: { ...server.val, port: this.port } } as SocketAddress;
      // Connected: answers of others do not arrive.
      if (this.calls.connect(this.#fd, encodeAddress(address)) < 0) continue;
      const ids = new Uint16Array(2);
      this.calls.random(new Uint8Array(ids.buffer));
      this.#open = [{ id: ids[0], type: TYPE.A }, { id: ids[1], type: TYPE.AAAA }];
      this.#answers = [];
      const sent = this.#open.every(({ id, type }) =>
        this.calls.send(this.#fd, encodeQuestion(id, this.#names[0], type)) >= 0
      );
      if (!sent) continue;
      this.#untilNs = this.calls.clockTime(CLOCK.MONOTONIC) + BigInt(timeoutS) * NS_PER_S;
      return;
    }
    this.#end = "temporary-resolver-failure";
  }

  /** Take an answer; false: there is none yet. */
  #receive(): boolean {
    const buffer = scratchOf(MOST_BYTES);
    const size = this.calls.receive(this.#fd, buffer);
    if (size === EAGAIN) {
      if (this.calls.clockTime(CLOCK.MONOTONIC) < this.#untilNs) return false;
      this.#ask();
    } else if (size < 0) this.#ask(); // nobody listens there
    else this.#take(buffer.subarray(0, size));
    return true;
  }

  #take(bytes: Uint8Array): void {
    const index = this.#open.findIndex(({ id, type }) => {
      const answer = decodeAnswer(bytes, id, type);
      if (answer) this.#answers.push(answer);
      return answer !== undefined;
    });
    if (index < 0) return;
    this.#open.splice(index, 1);
    if (this.#open.length > 0) return;
    const addresses = this.#answers.flatMap((answer) => answer.addresses);
    if (addresses.length > 0) this.#end = addresses;
    else if (
      this.#answers.every(({ rcode }) => rcode === RCODE.OK || rcode === RCODE.NO_SUCH_NAME)
    ) {
      this.#names.shift();
      this.#attempt = 0;
      if (this.#names.length > 0) this.#ask();
      else this.#end = "name-unresolvable";
    } else this.#ask();
  }
}
