/** What a container runs, as its process.args say. */

import { ShimError } from "../errdefs/mod.ts";
import { cleanPath } from "./field.ts";
import type { Process } from "./spec.ts";

/** The exported function that a WASI command runs: the specification's `_start`. */
const DEFAULT_EXPORT = "_start";

/** runc's, for a process without a PATH, is the C library's. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface Entrypoint {
  /** Absolute paths in the container's root, in the order in which to look for the file. */
  candidates: string[];
  /** The export to run. */
  export: string;
}

/**
 * The program of `process`: `FILE` or `FILE#EXPORT`, so a file's name cannot hold a `#`.
 * A FILE with a slash is a path, from the working directory when relative. One without is looked for along PATH like
 * any program and, since images of one module seldom set PATH, in the working directory at last.
 * @throws ShimError InvalidArgument: there is no name of a file.
 */
export function entrypoint(process: NamedProgram): Entrypoint {
  const { file, export: name } = program(process);
  if (!namesFile(file)) {
    throw new ShimError(
      "InvalidArgument",
      `process.args[0]: ${JSON.stringify(process.args[0] ?? "")}: names no file`,
    );
  }
  return { candidates: candidates(file, process), export: name };
}

/** The two parts of args[0]. `file` may be empty or a folder: a program that is not a file has any name. */
export function program({ args }: Pick<Process, "args">): { file: string; export: string } {
  const [text = ""] = args;
  const at = text.indexOf("#");
  if (at < 0) return { file: text, export: DEFAULT_EXPORT };
  return { file: text.slice(0, at), export: text.slice(at + 1) || DEFAULT_EXPORT };
}

export function namesFile(file: string): boolean {
  return file !== "" && !file.endsWith("/");
}

/** Whether `process` names the program of `entry`, whatever the export. */
export function isSameProgram(process: NamedProgram, entry: NamedProgram): boolean {
  const [file, own] = [program(process).file, program(entry).file];
  if (file === own) return true;
  if (!namesFile(file) || !namesFile(own)) return false;
  const places = candidates(own, entry);
  return candidates(file, process).some((path) => places.includes(path));
}

type NamedProgram = Pick<Process, "args" | "cwd" | "env">;

function candidates(file: string, { cwd, env }: Pick<Process, "cwd" | "env">): string[] {
  if (file.startsWith("/")) return [cleanPath(file)];
  const inCwd = cleanPath(`${cwd}/${file}`);
  if (file.includes("/")) return [inCwd];
  // The last of several counts, as for execvp(3) after runc has put them in an environment.
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length);
  const folders = (path || DEFAULT_PATH).split(":").map((folder) =>
    folder.startsWith("/") ? folder : `${cwd}/${folder}`
  );
  return [...new Set([...folders.map((folder) => cleanPath(`${folder}/${file}`)), inCwd])];
}
