/** The command line of `run`: in the manner of wasmtime's. */

import { parseArgs } from "@std/cli/parse-args";
import { ShimError } from "../errdefs/mod.ts";
import { type Limits, NO_LIMITS } from "../oci/limits.ts";
import { parseTcpAddress, TCP_FORM, type TcpAddress } from "../oci/listen.ts";
import { DURATION_FORM, parseDuration, parseSize, SIZE_FORM } from "../oci/quantity.ts";

/** What `run` is asked for. */
export interface RunCall {
  help: boolean;
  /** The file, as given. */
  file: string;
  /** The exported function to call. */
  export: string;
  /** Arguments after FILE, verbatim. */
  args: string[];
  /** Name and value; without a value, the caller's variable of that name. */
  env: { name: string; value?: string }[];
  /** In the order of their descriptors; `host` as given. */
  preopens: { host: string; guest: string }[];
  /** Addresses to listen on, in the order of their descriptors. */
  listen: TcpAddress[];
  /** Empty: the one that the file's name chooses. */
  engine: string;
  limits: Limits;
}

const DEFAULT_EXPORT = "_start";
/** Options that may be given more than once. */
const REPEATED = ["dir", "env", "tcplisten"] as const;
const ONCE = ["invoke", "engine", "memory-limit", "cpu-deadline"] as const;

/** What parseArgs, which has no types, makes of them. */
type Parsed =
  & Record<typeof REPEATED[number], string[]>
  & Partial<Record<typeof ONCE[number], string>>
  & { help: boolean; _: string[] };

export const RUN_USAGE = `Usage: run [options] FILE.wasm[#EXPORT] [ARG...]

Runs a module with this process's standard streams, and exits with its exit
code: 134 after a trap. From descriptor 3 on it finds open what --dir names,
then what --tcplisten does. It has no environment but what --env gives.

Options:
  --dir HOST[::GUEST]    a directory that it finds open as GUEST (default: HOST)
  --env NAME[=VALUE]     a variable; without VALUE, the caller's
  --tcplisten ADDR:PORT  a socket that listens
  --invoke EXPORT        the exported function to call (default: _start)
  --memory-limit SIZE    of each of its memories: 256MiB
  --cpu-deadline TIME    end it after this time on a processor: 30s
  --engine NAME          the engine (default: that of this file's name)
  -h, --help             print this
`;

/**
 * Parse what comes after `run`. Options end at FILE.
 * @throws ShimError InvalidArgument: an option that is not known or has no or a wrong value; no FILE.
 */
export function parseRunArgs(args: readonly string[]): RunCall {
  const parsed = parseArgs([...args], {
    string: [...REPEATED, ...ONCE, "_"],
    collect: REPEATED,
    boolean: ["help"],
    alias: { help: "h" },
    stopEarly: true,
    unknown: (arg: string, key: string | undefined) => {
      if (key !== undefined) throw usage(`${arg}: not an option`);
    },
  }) as Parsed;
  const [program, ...rest] = args.slice(programAt(args, parsed._.length));
  if (parsed.help) return { ...EMPTY, help: true };
  for (const name of [...REPEATED, ...ONCE]) {
    if ([parsed[name]].flat().includes("")) throw usage(`--${name}: its value is missing`);
  }
  if (program === undefined) throw usage("FILE: missing");
  const at = program.indexOf("#");
  const file = at < 0 ? program : program.slice(0, at);
  if (file === "") throw usage(`FILE: ${JSON.stringify(program)}: names no file`);
  return {
    help: false,
    file,
    export: parsed.invoke || (at < 0 ? "" : program.slice(at + 1)) || DEFAULT_EXPORT,
    args: rest,
    env: parsed.env.map(parseVariable),
    preopens: parsed.dir.map(parseDirectory),
    listen: parsed.tcplisten.map(parseListen),
    engine: parsed.engine ?? "",
    limits: {
      memoryBytes: parseQuantity("memory-limit", parsed["memory-limit"], parseSize, SIZE_FORM),
      cpuSeconds: parseQuantity(
        ...["cpu-deadline", parsed["cpu-deadline"], parseDuration, DURATION_FORM] as const,
      ),
    },
  };
}

const EMPTY: RunCall = {
  ...{ help: false, file: "", export: "", args: [], env: [], preopens: [], listen: [] },
  ...{ engine: "", limits: NO_LIMITS },
};

/** Where FILE is: before it only options and one "--" may be; parseArgs counts no "--", wherever it is. */
function programAt(args: readonly string[], count: number): number {
  const at = args.length - count;
  return args.indexOf("--") >= at ? at - 1 : at;
}

/** 0 without `text`. */
function parseQuantity(
  name: string,
  text: string | undefined,
  parse: (text: string) => number | undefined,
  form: string,
): number {
  if (text === undefined) return 0;
  const value = parse(text);
  if (value === undefined) throw usage(`--${name}: ${JSON.stringify(text)}: not ${form}`);
  return value;
}

function parseVariable(text: string): RunCall["env"][number] {
  const at = text.indexOf("=");
  if (at === 0) throw usage(`--env: ${JSON.stringify(text)}: names no variable`);
  return at < 0 ? { name: text } : { name: text.slice(0, at), value: text.slice(at + 1) };
}

function parseDirectory(text: string): RunCall["preopens"][number] {
  const at = text.indexOf("::");
  const [host, guest] = at < 0 ? [text, text] : [text.slice(0, at), text.slice(at + 2)];
  if (host === "" || guest === "") {
    throw usage(`--dir: ${JSON.stringify(text)}: not HOST or HOST::GUEST`);
  }
  return { host, guest };
}

function parseListen(text: string): TcpAddress {
  const found = parseTcpAddress(text);
  if (!found) throw usage(`--tcplisten: ${JSON.stringify(text)}: not ${TCP_FORM}`);
  return found;
}

function usage(message: string): ShimError {
  return new ShimError("InvalidArgument", message);
}
