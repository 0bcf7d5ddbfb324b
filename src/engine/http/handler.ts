/** Components that handle requests, wasi:http/proxy, and whether one can be served. */

import { ShimError } from "../../errdefs/mod.ts";
import type { System } from "../../linux/system.ts";
import { findExport } from "../linker/exports.ts";
import { Linker, parseComponent } from "../linker/link.ts";
import type { Component } from "../linker/component.ts";
import type { Guest } from "../mod.ts";
import { HANDLER, handlerName } from "./detect.ts";
import { httpHost } from "./host.ts";
import { suspends } from "./waiting.ts";

const NO_GUEST: Guest = {
  ...{ args: [], env: [], cwd: "/", export: HANDLER },
  ...{ preopens: [], listeners: [] },
};

/** A component that handles requests. */
export interface Handler {
  component: Component;
  /** The exported interface, with its version. */
  name: string;
}

/** @throws ShimError InvalidArgument; Unimplemented: a form of it is not supported */
export function parseHandler(code: Uint8Array<ArrayBuffer>, path: string): Handler {
  const component = parseComponent(code, path);
  const name = handlerName(component.exports);
  if (!name) throw new ShimError("InvalidArgument", `serve ${path}: it exports no ${HANDLER}`);
  const found = findExport(component, name, "handle");
  if (found?.from !== "lift") {
    throw new ShimError("Unimplemented", `serve ${path}: ${name}: composed of components`);
  }
  return { component, name };
}

/**
 * That `code` can be served, without compiling it.
 * @throws ShimError InvalidArgument: it is not valid, or imports what no host gives; Unimplemented
 */
export function checkHandler(code: Uint8Array<ArrayBuffer>, path: string): void {
  const { component } = parseHandler(code, path);
  const { interfaces } = httpHost(undefined as unknown as System, NO_GUEST);
  new Linker(component, path, interfaces, suspends).validate();
}
