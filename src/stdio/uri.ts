/** The values that containerd brings for standard streams: paths, or URIs of files. */

import { ShimError } from "../errdefs/mod.ts";

/** The scheme of a URI, in lower case; undefined: a path. */
export function scheme(value: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1].toLowerCase();
}

/**
 * The path of a URI, which may have a query. `name` is for errors.
 * @throws ShimError InvalidArgument
 */
export function uriPath(name: string, value: string): string {
  try {
    const url = new URL(value);
    if (url.host === "") return absolute(name, decodeURIComponent(url.pathname));
  } catch (error) {
    if (error instanceof ShimError) throw error;
  }
  throw invalid(name, value, "not of the form SCHEME:///PATH");
}

/** `path`. @throws ShimError InvalidArgument */
export function absolute(name: string, path: string): string {
  if (!path.startsWith("/") || path.includes("\0")) {
    throw invalid(name, path, "not an absolute path");
  }
  return path;
}

export function invalid(name: string, value: string, reason: string): ShimError {
  return new ShimError("InvalidArgument", `${name}: ${JSON.stringify(value)}: ${reason}`);
}
