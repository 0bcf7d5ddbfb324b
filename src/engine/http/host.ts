/** What a wasi:http/proxy component is given: the synchronous host's interfaces where nothing waits, and wasi:http. */

import { Calls } from "../component/host/calls.ts";
import { hostImports } from "../component/host/mod.ts";
import { Scope } from "../component/host/resource.ts";
import type { IoError } from "../component/host/streams.ts";
import type { HostInterfaces } from "../linker/link.ts";
import type { Guest } from "../mod.ts";
import type { System } from "../../linux/system.ts";
import { FutureIncomingResponse, send } from "./client.ts";
import { errnoCode } from "./error_code.ts";
import { Fields } from "./fields.ts";
import {
  type Context,
  FutureTrailers,
  IncomingBody,
  IncomingRequest,
  IncomingResponse,
} from "./incoming.ts";
import { OutgoingBody, OutgoingRequest, OutgoingResponse, RequestOptions } from "./outgoing.ts";
import { ResponseOutparam } from "./outparam.ts";
import { waitingInterfaces } from "./waiting.ts";

export interface HttpHost {
  interfaces: HostInterfaces;
  context: Context;
  /** Where wasi:cli/exit leaves its code. */
  exit: { code: number | undefined };
}

/** The host of all instances: what they have of it goes with their handles. */
export function httpHost(system: System, guest: Guest): HttpHost {
  const context: Context = { calls: new Calls(system), scope: new Scope() };
  const exit: HttpHost["exit"] = { code: undefined };
  const interfaces: HostInterfaces = {
    ...hostImports(system, context.scope, guest, exit),
    ...waitingInterfaces(context.calls, context.scope),
    "wasi:http/types": {
      ...{ Fields, IncomingRequest, IncomingResponse, IncomingBody, FutureTrailers },
      ...{ OutgoingBody, ResponseOutparam, FutureIncomingResponse, RequestOptions },
      ...{ OutgoingResponse, OutgoingRequest },
      "[constructor]outgoing-response": (headers: Fields) => new OutgoingResponse(context, headers),
      "[constructor]outgoing-request": (headers: Fields) => new OutgoingRequest(context, headers),
      httpErrorCode: (error: IoError) => errnoCode(error.errno),
    },
    "wasi:http/outgoing-handler": {
      handle: (request: OutgoingRequest, options?: RequestOptions) =>
        send(context, request, options),
    },
  };
  return { interfaces, context, exit };
}
