/** Which OCI runtime runs a container. */

import { ShimError } from "../errdefs/mod.ts";
import type { RuntimeOptions } from "./options.ts";

/** Those that share runc's command line, the quickest first. */
const KNOWN = ["crun", "runc", "youki"];

/**
 * Absolute path of the runtime's executable: BinaryName, else the first known one. `path` is a list of folders, as PATH is.
 * @throws ShimError FailedPrecondition: there is none; InvalidArgument: BinaryName is neither an absolute path nor a name.
 */
export function findRuntime({ binaryName }: RuntimeOptions, path: string): string {
  if (binaryName.startsWith("/")) {
    if (isExecutable(binaryName)) return binaryName;
    throw absent(`BinaryName = ${JSON.stringify(binaryName)}: not an executable file`);
  }
  if (binaryName.includes("/")) {
    throw new ShimError(
      "InvalidArgument",
      `find the oci runtime: BinaryName = ${JSON.stringify(binaryName)}: ` +
        "neither an absolute path nor a name",
    );
  }
  const names = binaryName ? [binaryName] : KNOWN;
  // What is relative would depend on where the shim was started.
  const folders = path.split(":").filter((folder) => folder.startsWith("/"));
  for (const name of names) {
    const found = folders.map((folder) => `${folder}/${name}`).find(isExecutable);
    if (found) return found;
  }
  throw absent(`no ${names.join(", ")} in PATH = ${JSON.stringify(path)}`);
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}

function absent(reason: string): ShimError {
  return new ShimError("FailedPrecondition", `find the oci runtime: ${reason}`);
}
