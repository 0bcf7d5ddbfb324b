/** The host of WASI preview 2 (0.2.x): what a component may import, over synchronous system calls alone. */

import type { System } from "../../../linux/system.ts";
import type { Guest } from "../../mod.ts";
import { Calls } from "./calls.ts";
import { cli, type Exit } from "./cli.ts";
import { clocks } from "./clocks.ts";
import { filesystem } from "./filesystem.ts";
import { names } from "./names.ts";
import { Network, networkErrorCode } from "./network.ts";
import { poll, Pollable } from "./poll.ts";
import { random } from "./random.ts";
import type { Scope } from "./resource.ts";
import { tcp } from "./tcp.ts";
import { udp } from "./udp.ts";
import { InputStream, IoError, OutputStream } from "./streams.ts";

/** Interfaces by their names without version, each with what is in it. */
export type Imports = Record<string, Record<string, unknown>>;

/** All that is given to one instance; its resources belong to `scope`, and its exit code goes to `exit`. */
export function hostImports(system: System, scope: Scope, guest: Guest, exit: Exit): Imports {
  const calls = new Calls(system);
  return {
    "wasi:io/error": { Error: IoError },
    "wasi:io/poll": { Pollable, poll: (list: Pollable[]) => poll(calls, list) },
    "wasi:io/streams": { InputStream, OutputStream },
    ...cli(calls, scope, guest, exit),
    ...clocks(calls, scope),
    ...random(calls),
    ...filesystem(calls, scope, guest.preopens),
    "wasi:sockets/network": { Network, networkErrorCode },
    "wasi:sockets/instance-network": { instanceNetwork: () => new Network(scope) },
    ...tcp(calls, scope),
    ...udp(calls, scope),
    ...names(calls, scope),
  };
}
