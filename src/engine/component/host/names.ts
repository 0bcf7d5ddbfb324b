/**
 * wasi:sockets/ip-name-lookup by the files of the container, /etc/hosts and /etc/resolv.conf, and DNS over UDP. The C
 * library's getaddrinfo(3) is no choice: it would load what nsswitch.conf names from the container's files.
 * https://github.com/WebAssembly/WASI/blob/v0.2.8/wasip2/sockets/ip-name-lookup.wit
 */

import { type IpAddress, parseAddress } from "./addresses.ts";
import type { Calls } from "./calls.ts";
import type { NetworkCode } from "./codes.ts";
import { toAscii } from "./dns.ts";
import type { Answer, Network } from "./network.ts";
import { Pollable, type Wait } from "./poll.ts";
import { Lookup } from "./lookup.ts";
import { Resource, type Scope } from "./resource.ts";
import { err, ok } from "./result.ts";

/** The addresses of a name, which may have to be waited for. */
export class ResolveAddressStream extends Resource {
  #known: IpAddress[];

  constructor(
    readonly scope: Scope,
    readonly calls: Calls,
    known: IpAddress[],
    readonly lookup: Lookup | undefined,
  ) {
    super(scope);
    this.#known = known;
  }

  resolveNextAddress(): Answer<IpAddress | undefined> {
    const found = this.lookup?.answer();
    if (found === "would-block") return err("would-block");
    if (typeof found === "string") return err(found);
    if (found) this.#known.push(...found.splice(0));
    return ok(this.#known.shift());
  }

  subscribe(): Pollable {
    return new Pollable(this.scope, this.calls, this);
  }

  wait(): Wait {
    return this.lookup?.wait() ?? "ready";
  }

  protected override release(): void {
    this.lookup?.close();
  }
}

/** Texts of /etc/hosts and /etc/resolv.conf; empty: there is none. */
export interface NameFiles {
  hosts(): string;
  resolvConf(): string;
}

export const SYSTEM_FILES: NameFiles = {
  hosts: () => textOf("/etc/hosts"),
  resolvConf: () => textOf("/etc/resolv.conf"),
};

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

export function names(calls: Calls, scope: Scope, files: NameFiles = SYSTEM_FILES) {
  const stream = (known: IpAddress[], lookup?: Lookup) =>
    ok(new ResolveAddressStream(scope, calls, known, lookup));
  return {
    "wasi:sockets/ip-name-lookup": {
      ResolveAddressStream,
      resolveAddresses(_network: Network, name: string): Answer<ResolveAddressStream> {
        const address = parseAddress(name.replace(/^\[(.*)\]$/, "$1"));
        if (address) return stream([address]);
        const ascii = toAscii(name);
        if (ascii === undefined) return err<NetworkCode>("invalid-argument");
        const listed = inHosts(files.hosts(), ascii);
        if (listed.length > 0) return stream(listed);
        return stream([], new Lookup(calls, ascii, files.resolvConf()));
      },
    },
  };
}

/** The addresses that hosts(5) has for `name`, in order. */
export function inHosts(text: string, name: string): IpAddress[] {
  return text.split("\n").flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (!names.some((one) => one.toLowerCase() === name)) return [];
    return parseAddress(address) ?? [];
  });
}
