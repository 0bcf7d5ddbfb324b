/**
 * The options of an OCI runtime: what containerd passes from its configuration, or a client from its own.
 *
 * Either `containerd.runc.v1.Options`, which containerd makes for runc's shim and clients may send to any, or
 * `runtimeoptions.v1.Options`, which containerd's CRI makes for shims that it does not know: TOML in the message, or a path of a
 * file with it. The TOML's keys are the names that runc's shim is configured with.
 */

import { ShimError } from "../errdefs/mod.ts";
import { DURATION_FORM, parseDuration, parseSize, SIZE_FORM } from "../oci/mod.ts";

export interface RuntimeOptions {
  /** Path of the runtime, or a name to look for; empty: whichever is there. */
  binaryName: string;
  /** Absolute folder of the runtime's states; empty: the shim's own. */
  root: string;
  /** Let systemd make the cgroups. */
  systemdCgroup: boolean;
  noPivotRoot: boolean;
  noNewKeyring: boolean;
  /** Path of a cgroup for the shim itself; empty: none. */
  shimCgroup: string;
  /** Bytes that each memory of a Wasm guest may have; 0: no limit. */
  memoryLimit: number;
  /** Seconds on a processor after which a Wasm guest is ended; 0: never. */
  cpuDeadline: number;
}

export const DEFAULT_OPTIONS: Readonly<RuntimeOptions> = {
  binaryName: "",
  root: "",
  systemdCgroup: false,
  noPivotRoot: false,
  noNewKeyring: false,
  shimCgroup: "",
  memoryLimit: 0,
  cpuDeadline: 0,
};

/** A google.protobuf.Any. */
export interface AnyOptions {
  typeUrl: string;
  value: Uint8Array;
}

const RUNC = "containerd.runc.v1.Options";
/** The second is its name before containerd 1.7. */
const GENERIC = ["runtimeoptions.v1.Options", "cri.runtimeoptions.v1.Options"];

/** A configuration is a few lines. */
const MAX_TOML_BYTES = 64 << 10;
const MAX_UINT32 = 2 ** 32 - 1;

type Type = "string" | "boolean" | "uint32" | "size" | "duration";

/** Keys that set an option of containerd.runc.v1.Options. */
const OPTIONS: Readonly<Record<string, [keyof RuntimeOptions, Type]>> = {
  BinaryName: ["binaryName", "string"],
  Root: ["root", "string"],
  SystemdCgroup: ["systemdCgroup", "boolean"],
  NoPivotRoot: ["noPivotRoot", "boolean"],
  NoNewKeyring: ["noNewKeyring", "boolean"],
  ShimCgroup: ["shimCgroup", "string"],
};

/** Keys of this shim's own, of Wasm guests. */
const WASM_OPTIONS: typeof OPTIONS = {
  MemoryLimit: ["memoryLimit", "size"],
  CpuDeadline: ["cpuDeadline", "duration"],
};

/**
 * Keys that are accepted, and change nothing here: IoUid and IoGid concern pipes that runc's shim makes and this one does not,
 * CRIU checkpoints, which this one refuses, and the last ones containerd itself.
 */
const WITHOUT_EFFECT: Readonly<Record<string, Type>> = {
  IoUid: "uint32",
  IoGid: "uint32",
  CriuPath: "string",
  CriuImagePath: "string",
  CriuWorkPath: "string",
  TaskApiAddress: "string",
  TaskApiVersion: "uint32",
  TypeUrl: "string",
};

/** The message's name, whatever comes before it. */
function messageName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** Whether an Any of this type holds options that `parseRuntimeOptions` knows. */
export function isRuntimeOptions(typeUrl: string): boolean {
  return [RUNC, ...GENERIC].includes(messageName(typeUrl));
}

/**
 * The options in `any`; the defaults without one.
 * @throws ShimError InvalidArgument: a type, key or value that is not known; a file that is not there or no TOML.
 */
export async function parseRuntimeOptions(any: AnyOptions | undefined): Promise<RuntimeOptions> {
  if (!any || any.typeUrl === "" && any.value.length === 0) return { ...DEFAULT_OPTIONS };
  const name = messageName(any.typeUrl);
  if (name === RUNC) return await fromMessage(any.value);
  if (GENERIC.includes(name)) return await fromGeneric(any.value);
  throw invalid(`runtime options: type ${JSON.stringify(any.typeUrl)}: not known`);
}

async function fromMessage(value: Uint8Array): Promise<RuntimeOptions> {
  const { Options } = await import("../proto/runc_options.ts"); // big
  const message = Options.decode(value);
  const options = { ...DEFAULT_OPTIONS };
  for (const [key, [field, type]] of Object.entries(OPTIONS)) {
    const value = message[field as keyof typeof message];
    Object.assign(options, { [field]: check("runtime options", key, value, type) });
  }
  return options;
}

/** Its `typeUrl` is whatever the administrator has written, so that it says nothing. */
async function fromGeneric(value: Uint8Array): Promise<RuntimeOptions> {
  const { Options } = await import("../proto/runtime_options.ts"); // big
  const { configBody, configPath } = Options.decode(value);
  if (configBody.length > 0) return await fromToml(configBody, "runtime options");
  if (configPath === "") return { ...DEFAULT_OPTIONS };
  const where = `runtime options: ConfigPath = ${JSON.stringify(configPath)}`;
  return await fromToml(readConfig(configPath, where), where);
}

function readConfig(path: string, where: string): Uint8Array {
  if (!isAbsolute(path)) throw invalid(`${where}: not an absolute path`);
  try {
    // Looked at before it is opened: opening a FIFO would wait.
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) throw invalid(`${where}: not a file`);
    if (size > MAX_TOML_BYTES) throw tooLong(where);
    return Deno.readFileSync(path);
  } catch (cause) {
    if (cause instanceof ShimError) throw cause;
    const reason = cause instanceof Deno.errors.NotFound ? "not there" : String(cause);
    throw invalid(`${where}: ${reason}`, cause);
  }
}

async function fromToml(bytes: Uint8Array, where: string): Promise<RuntimeOptions> {
  if (bytes.length > MAX_TOML_BYTES) throw tooLong(where);
  const { parse } = await import("@std/toml");
  let values: Record<string, unknown>;
  try {
    values = parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`${where}: not TOML: ${reason}`, cause);
  }
  return fromValues(values, where);
}

function fromValues(values: Record<string, unknown>, where: string): RuntimeOptions {
  const options = { ...DEFAULT_OPTIONS };
  const known = { ...OPTIONS, ...WASM_OPTIONS };
  for (const [key, value] of Object.entries(values)) {
    if (Object.hasOwn(known, key)) {
      const [field, type] = known[key];
      Object.assign(options, { [field]: check(where, key, value, type) });
    } else if (Object.hasOwn(WITHOUT_EFFECT, key)) {
      check(where, key, value, WITHOUT_EFFECT[key]);
    } else if (key !== "ConfigPath" || value !== "") { // empty in what CRI passes on as a whole
      throw invalidValue(where, key, value, "not an option");
    }
  }
  return options;
}

/** `value`, checked: of `type`, and usable; of a size the bytes, of a duration the seconds. */
function check(where: string, key: string, value: unknown, type: Type): unknown {
  if (type === "size" || type === "duration") {
    const [parse, form] = QUANTITIES[type];
    const quantity = typeof value === "string" ? parse(value) : undefined;
    if (quantity === undefined) throw invalidValue(where, key, value, `not ${form}`);
    return quantity;
  }
  const reason = wrongType(value, type) ??
    (typeof value === "string" ? unusable(key, value) : null);
  if (reason !== null) throw invalidValue(where, key, value, reason);
  return value;
}

const QUANTITIES = {
  size: [parseSize, SIZE_FORM],
  duration: [parseDuration, DURATION_FORM],
} as const;

function wrongType(value: unknown, type: Exclude<Type, "size" | "duration">): string | null {
  switch (type) {
    case "string":
      return typeof value === "string" ? null : "not a string";
    case "boolean":
      return typeof value === "boolean" ? null : "not a boolean";
    case "uint32":
      return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_UINT32
        ? null
        : `not an integer from 0 to ${MAX_UINT32}`;
  }
}

function unusable(key: string, value: string): string | null {
  if (value.includes("\0")) return "has a NUL";
  return key === "Root" && value !== "" && !isAbsolute(value) ? "not an absolute path" : null;
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") && !path.includes("\0");
}

function invalidValue(where: string, key: string, value: unknown, reason: string): ShimError {
  const shown = typeof value === "bigint" ? String(value) : JSON.stringify(value);
  return invalid(`${where}: ${key} = ${shown}: ${reason}`);
}

function tooLong(where: string): ShimError {
  return invalid(`${where}: more than ${MAX_TOML_BYTES} bytes`);
}

function invalid(message: string, cause?: unknown): ShimError {
  return new ShimError("InvalidArgument", message, { cause });
}
