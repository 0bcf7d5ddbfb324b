/**
 * linux.seccomp of config.json, compiled to BPF by libseccomp, as runc does: system calls that the library does not
 * know are skipped, and so are rules that say what the default says.
 *
 * libseccomp 2.5: https://github.com/seccomp/libseccomp/blob/v2.5.4/include/seccomp.h.in
 */

import { ShimError } from "../errdefs/mod.ts";

/** linux/seccomp.h: SECCOMP_RET_* and what is SCMP_ACT_* to libseccomp. SCMP_ACT_NOTIFY is left out. */
const ACTIONS = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
} as const;

/** linux/seccomp.h: flags of seccomp(2). */
const FLAGS = {
  SECCOMP_FILTER_FLAG_TSYNC: 1 << 0,
  SECCOMP_FILTER_FLAG_LOG: 1 << 1,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1 << 2,
} as const;

/** enum scmp_compare */
const OPERATORS = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
} as const;

export type SeccompAction = keyof typeof ACTIONS;
export type SeccompFlag = keyof typeof FLAGS;
export type SeccompOperator = keyof typeof OPERATORS;

export const SECCOMP_ACTIONS = Object.keys(ACTIONS) as SeccompAction[];
export const SECCOMP_FLAGS = Object.keys(FLAGS) as SeccompFlag[];
export const SECCOMP_OPERATORS = Object.keys(OPERATORS) as SeccompOperator[];

/** linux.seccomp of config.json. */
export interface LinuxSeccomp {
  defaultAction: SeccompAction;
  /** Undefined: EPERM. */
  defaultErrnoRet: number | undefined;
  /** SCMP_ARCH_*, besides the native one. */
  architectures: string[];
  flags: SeccompFlag[];
  syscalls: SyscallRule[];
}

export interface SyscallRule {
  names: string[];
  action: SeccompAction;
  /** For SCMP_ACT_ERRNO and SCMP_ACT_TRACE. Undefined: EPERM. */
  errnoRet: number | undefined;
  /** All must hold, except that several about one argument are alternatives, as for runc. */
  args: SyscallArg[];
}

export interface SyscallArg {
  /** 0 to 5. */
  index: number;
  /** What is compared with; for SCMP_CMP_MASKED_EQ, the mask. */
  value: bigint;
  /** For SCMP_CMP_MASKED_EQ: what is compared with. */
  valueTwo: bigint;
  op: SeccompOperator;
}

/** What seccomp(2) SECCOMP_SET_MODE_FILTER takes. */
export interface SeccompFilter {
  /** SECCOMP_FILTER_FLAG_* */
  flags: number;
  /** An array of struct sock_filter, 8 bytes each. */
  filter: Uint8Array<ArrayBuffer>;
}

const EPERM = 1;
const EEXIST = 17;

/** enum scmp_filter_attr: order the filter as a binary tree rather than a list. */
const SCMP_FLTATR_CTL_OPTIMIZE = 8;
const BINARY_TREE = 2;

/** `__NR_SCMP_ERROR`: not a system call that libseccomp knows. */
const UNKNOWN_SYSCALL = -1;

/** sizeof(struct scmp_arg_cmp): unsigned arg, enum op, uint64_t datum_a, datum_b. */
const ARG_SIZE = 24;

const MFD_CLOEXEC = 1;
const SEEK_SET = 0;
const SEEK_END = 2;

/** The C library's are found through libseccomp, which is linked to it. */
const SYMBOLS = {
  // default_action
  seccomp_init: { parameters: ["u32"], result: "pointer" },
  // context
  seccomp_release: { parameters: ["pointer"], result: "void" },
  // context, attribute, value
  seccomp_attr_set: { parameters: ["pointer", "i32", "u32"], result: "i32" },
  // name
  seccomp_arch_resolve_name: { parameters: ["buffer"], result: "u32" },
  // context, architecture
  seccomp_arch_add: { parameters: ["pointer", "u32"], result: "i32" },
  // name
  seccomp_syscall_resolve_name: { parameters: ["buffer"], result: "i32" },
  // context, action, syscall, argument_count, arguments
  seccomp_rule_add_array: {
    parameters: ["pointer", "u32", "i32", "u32", "buffer"],
    result: "i32",
  },
  // context, fd
  seccomp_export_bpf: { parameters: ["pointer", "i32"], result: "i32" },
  // name, flags
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  // fd, offset, whence
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // fd, buffer, size
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // fd
  close: { parameters: ["i32"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Profiles kept compiled: pods of a node share a few. */
const CACHE_SIZE = 16;

/** Compiles profiles. The library is opened at the first, and closed by `close`. */
export class SeccompCompiler implements Disposable {
  #library: Library | undefined;
  /** By profile as JSON, the least recently used first. */
  readonly #cache = new Map<string, SeccompFilter>();

  /** `path` names libseccomp.so.2, for dlopen(3). */
  constructor(readonly path: string) {}

  /**
   * The filter of a profile. Callers must not write to it.
   * @throws ShimError InvalidArgument: an architecture that libseccomp does not know, or a rule that it refuses;
   * Unavailable: the library cannot be opened.
   */
  compile(profile: LinuxSeccomp): SeccompFilter {
    const key = JSON.stringify(
      profile,
      (_, value) => typeof value === "bigint" ? String(value) : value,
    );
    const filter = this.#cache.get(key) ?? compile(this.#open(), profile);
    this.#cache.delete(key);
    this.#cache.set(key, filter);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > CACHE_SIZE) this.#cache.delete(oldest);
    return filter;
  }

  close(): void {
    this.#library?.close();
    this.#library = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): Library["symbols"] {
    try {
      this.#library ??= Deno.dlopen(this.path, SYMBOLS);
    } catch (cause) {
      throw new ShimError("Unavailable", `open libseccomp: ${this.path}`, { cause });
    }
    return this.#library.symbols;
  }
}

function compile(library: Library["symbols"], profile: LinuxSeccomp): SeccompFilter {
  const defaultAction = actionValue(profile.defaultAction, profile.defaultErrnoRet);
  const context = library.seccomp_init(defaultAction);
  if (!context) {
    throw new ShimError("InvalidArgument", `seccomp: ${profile.defaultAction}: refused`);
  }
  try {
    library.seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, BINARY_TREE); // without: slower, not wrong
    addArchitectures(library, context, profile.architectures);
    for (const rule of profile.syscalls) {
      const action = actionValue(rule.action, rule.errnoRet);
      if (action !== defaultAction) addRule(library, context, rule, action);
    }
    const flags = profile.flags.reduce((all, flag) => all | FLAGS[flag], 0);
    return { flags, filter: exportFilter(library, context) };
  } finally {
    library.seccomp_release(context);
  }
}

function actionValue(action: SeccompAction, errnoRet: number | undefined): number {
  const carriesData = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return ACTIONS[action] + (carriesData ? errnoRet ?? EPERM : 0);
}

function addArchitectures(
  library: Library["symbols"],
  context: Deno.PointerObject,
  names: readonly string[],
): void {
  for (const name of names) {
    const token = library.seccomp_arch_resolve_name(
      cString(name.replace("SCMP_ARCH_", "").toLowerCase()),
    );
    if (token === 0) {
      throw new ShimError("InvalidArgument", `seccomp architecture: ${name}: not known`);
    }
    check(library.seccomp_arch_add(context, token), `seccomp architecture: ${name}`);
  }
}

function addRule(
  library: Library["symbols"],
  context: Deno.PointerObject,
  { names, args }: SyscallRule,
  action: number,
): void {
  const alternatives = new Set(args.map(({ index }) => index)).size < args.length
    ? args.map((arg) => [arg])
    : [args];
  const encoded = alternatives.map(encodeArgs);
  for (const name of names) {
    const number = library.seccomp_syscall_resolve_name(cString(name));
    if (number === UNKNOWN_SYSCALL) continue;
    for (const list of encoded) {
      const count = list.length / ARG_SIZE;
      check(
        library.seccomp_rule_add_array(context, action, number, count, list),
        `seccomp rule: ${name}`,
      );
    }
  }
}

function encodeArgs(args: readonly SyscallArg[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(args.length * ARG_SIZE);
  const view = new DataView(bytes.buffer);
  args.forEach(({ index, op, value, valueTwo }, place) => {
    const at = place * ARG_SIZE;
    view.setUint32(at, index, true);
    view.setUint32(at + 4, OPERATORS[op], true);
    view.setBigUint64(at + 8, value, true);
    view.setBigUint64(at + 16, valueTwo, true);
  });
  return bytes;
}

/** libseccomp before 2.6 writes a filter to a descriptor only. */
function exportFilter(
  library: Library["symbols"],
  context: Deno.PointerObject,
): Uint8Array<ArrayBuffer> {
  const fd = library.memfd_create(cString("seccomp"), MFD_CLOEXEC);
  if (fd < 0) {
    throw new ShimError("ResourceExhausted", "seccomp filter: no descriptor to write it to");
  }
  try {
    check(library.seccomp_export_bpf(context, fd), "seccomp filter");
    const filter = new Uint8Array(Number(library.lseek(fd, 0n, SEEK_END)));
    library.lseek(fd, 0n, SEEK_SET);
    const size = library.read(fd, filter, BigInt(filter.length));
    if (filter.length === 0 || Number(size) !== filter.length) {
      throw new ShimError("Internal", `seccomp filter: read ${size} of ${filter.length} bytes`);
    }
    return filter;
  } finally {
    library.close(fd);
  }
}

/** libseccomp's functions answer a negative errno. A rule or an architecture that is there already is no failure. */
function check(result: number, action: string): void {
  if (result < 0 && result !== -EEXIST) {
    throw new ShimError("InvalidArgument", `${action}: libseccomp answers errno ${-result}`);
  }
}

const encoder = new TextEncoder();

function cString(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${text}\0`);
}
