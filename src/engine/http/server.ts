/** Serves a wasi:http/proxy component. */

import { ShimError } from "../../errdefs/mod.ts";
import { type Linked, Linker } from "../linker/link.ts";
import type { Guest } from "../mod.ts";
import type { System } from "../../linux/system.ts";
import type { ErrorCode } from "./error_code.ts";
import { type HttpHost, httpHost } from "./host.ts";
import { IncomingRequest } from "./incoming.ts";
import { ResponseOutparam } from "./outparam.ts";
import { Pool } from "./pool.ts";
import type { Handler } from "./handler.ts";
import type { HttpSettings } from "./settings.ts";
import { suspends } from "./waiting.ts";

const READY = 8;
const MOST_BUSY = 100;

export interface HttpServer {
  readonly port: number;
  /** Take no more requests, and finish those under way. */
  shutdown(): Promise<void>;
}

export interface ServeOptions {
  system: System;
  guest: Guest;
  settings: HttpSettings;
  /** What went wrong, a line without its end. */
  log: (line: string) => void;
}

/** Compile the handler, of the file `path`, and serve it. @throws ShimError: it cannot be, or the address is taken */
export function serveComponent(
  { component, name }: Handler,
  path: string,
  { system, guest, settings, log }: ServeOptions,
): HttpServer {
  const host = httpHost(system, guest);
  const linker = new Linker(component, path, host.interfaces, suspends).compile();
  const pool = new Pool({
    make: () => linker.instantiate(name, "handle"),
    reuse: settings.reuse,
    ready: settings.reuse ? 1 : READY,
    most: MOST_BUSY,
  });
  const desk = new Desk(pool, host, log);
  const { hostname, port, backlog } = settings;
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      ...{ hostname, port, tcpBacklog: backlog },
      onListen: () => {},
      onError: (error) => {
        log(`serve a request: ${error instanceof Error ? error.message : error}`);
        return new Response(null, { status: 500 });
      },
    }, (request) => desk.serve(request));
  } catch (error) {
    throw new ShimError(
      "Unavailable",
      `listen on ${hostname}:${port}: ${(error as Error).message}`,
    );
  }
  pool.fill();
  return {
    port: server.addr.port,
    shutdown: async () => {
      await server.shutdown();
      pool.close();
    },
  };
}

/** Hands requests to instances. */
class Desk {
  constructor(
    readonly pool: Pool,
    readonly host: HttpHost,
    readonly log: (line: string) => void,
  ) {}

  async serve(request: Request): Promise<Response> {
    const instance = this.pool.takeNow() ?? await this.pool.take();
    const { promise, resolve } = Promise.withResolvers<Response | ErrorCode | null>();
    const outparam = new ResponseOutparam(resolve);
    void this.#run(instance, request, outparam);
    const answer = await promise;
    if (answer instanceof Response) return answer;
    if (answer) this.log(`${request.method} ${request.url}: the guest answered ${text(answer)}`);
    return new Response(null, { status: 500 });
  }

  async #run(instance: Linked, request: Request, outparam: ResponseOutparam): Promise<void> {
    let sound = false;
    try {
      await instance.call(new IncomingRequest(this.host.context, request), outparam);
      sound = true;
    } catch (error) {
      this.log(`${request.method} ${request.url}: ${reason(error, this.host)}`);
    } finally {
      outparam[Symbol.dispose](); // without an answer by now, there is none
      this.pool.give(instance, sound);
    }
  }
}

function text({ tag, val }: ErrorCode): string {
  return val === undefined
    ? tag
    : `${tag}: ${JSON.stringify(val, (_, x) => typeof x === "bigint" ? `${x}` : x)}`;
}

/** Why a guest has ended, with the WebAssembly frames of its stack, innermost first. */
function reason(error: unknown, { exit }: HttpHost): string {
  const { code } = exit;
  exit.code = undefined;
  if (code !== undefined) return `the guest exited with ${code}`;
  if (!(error instanceof Error)) return `trap: ${error}`;
  const frames = (error.stack ?? "").split("\n").filter((line) => line.includes("wasm"));
  return [`trap: ${error.message}`, ...frames].join("\n");
}
