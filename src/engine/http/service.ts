/** wasi:http/proxy components as programs. */

import type { System } from "../../linux/system.ts";
import type { Program, Service } from "../mod.ts";
import { checkHandler, parseHandler } from "./handler.ts";
import { serveComponent } from "./server.ts";
import { httpSettings } from "./settings.ts";

/** The program of `code`, which handlerName() has found a handler in. @throws ShimError: it cannot be served */
export function httpProgram(
  system: System,
  code: Uint8Array<ArrayBuffer>,
  path: string,
): Program {
  checkHandler(code, path);
  return {
    checkExport: () => {},
    run: () => ({ code: 1, message: `run ${path}: it is to be served\n` }),
    service: httpService(system, path),
  };
}

export function httpService(system: System, path: string): Service {
  return {
    serve: async (code, guest, ended, log) => {
      const settings = httpSettings(guest.env);
      const handler = parseHandler(code, path);
      const server = serveComponent(handler, path, { system, guest, settings, log });
      await ended;
      await server.shutdown();
    },
  };
}
