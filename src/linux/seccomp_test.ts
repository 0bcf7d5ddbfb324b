import assert from "node:assert/strict";
import type { ShimError } from "../errdefs/mod.ts";
import { wasmSeccomp } from "../oci/wasm_seccomp.ts";
import { type LinuxSeccomp, SeccompCompiler, type SyscallRule } from "./seccomp.ts";

const LIBSECCOMP = "libseccomp.so.2";

const KILL_PROCESS = 0x80000000;
const KILL_THREAD = 0;
const ALLOW = 0x7fff0000;
const LOG = 0x7ffc0000;
const errno = (number: number) => 0x00050000 | number;

/** AUDIT_ARCH_*, linux/audit.h */
const X86_64 = 0xc000003e;
const X86 = 0x40000003;
const AARCH64 = 0xc00000b7;
const NATIVE = Deno.build.arch === "aarch64" ? AARCH64 : X86_64;

interface Call {
  name: string;
  args?: (number | bigint)[];
}

/** Runs a filter as the kernel does: classic BPF over struct seccomp_data. Answers SECCOMP_RET_*. */
function run(filter: Uint8Array, architecture: number, nr: number, args: (number | bigint)[]) {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, architecture, true);
  args.forEach((arg, index) => data.setBigUint64(16 + 8 * index, BigInt(arg), true));
  const code = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const memory = new Uint32Array(16);
  let a = 0;
  for (let pc = 0;; pc++) {
    const opcode = code.getUint16(pc * 8, true);
    const jump = (taken: boolean) => code.getUint8(pc * 8 + (taken ? 2 : 3));
    const k = code.getUint32(pc * 8 + 4, true);
    if (opcode === 0x20) a = data.getUint32(k, true);
    else if (opcode === 0x60) a = memory[k];
    else if (opcode === 0x02) memory[k] = a;
    else if (opcode === 0x54) a = (a & k) >>> 0;
    else if (opcode === 0x05) pc += k;
    else if (opcode === 0x15) pc += jump(a === k);
    else if (opcode === 0x25) pc += jump(a > k);
    else if (opcode === 0x35) pc += jump(a >= k);
    else if (opcode === 0x45) pc += jump((a & k) !== 0);
    else if (opcode === 0x06) return k;
    else throw new Error(`opcode ${opcode.toString(16)} at ${pc}: not known`);
  }
}

/** Verdicts of a profile about system calls by name. */
function verdicts(profile: LinuxSeccomp, calls: Call[], architecture = NATIVE): number[] {
  using compiler = new SeccompCompiler(LIBSECCOMP);
  const { filter } = compiler.compile(profile);
  assert.equal(filter.length % 8, 0);
  const library = Deno.dlopen(LIBSECCOMP, {
    seccomp_syscall_resolve_name_arch: { parameters: ["u32", "buffer"], result: "i32" },
  });
  try {
    return calls.map(({ name, args }) => {
      const text = new TextEncoder().encode(`${name}\0`);
      const nr = library.symbols.seccomp_syscall_resolve_name_arch(architecture, text);
      assert.ok(nr >= 0, `${name}: not a system call here`);
      return run(filter, architecture, nr, args ?? []);
    });
  } finally {
    library.close();
  }
}

const rule = (names: string[], more: Partial<SyscallRule> = {}): SyscallRule => ({
  names,
  action: "SCMP_ACT_ALLOW",
  errnoRet: undefined,
  args: [],
  ...more,
});

const profile = (syscalls: SyscallRule[], more: Partial<LinuxSeccomp> = {}): LinuxSeccomp => ({
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: undefined,
  architectures: [],
  flags: [],
  syscalls,
  ...more,
});

Deno.test("SeccompCompiler.compile() allows what is listed and answers EPERM to the rest", () => {
  const calls = [{ name: "read" }, { name: "write" }, { name: "mount" }];
  assert.deepEqual(verdicts(profile([rule(["read", "write"])]), calls), [ALLOW, ALLOW, errno(1)]);
});

Deno.test("SeccompCompiler.compile() honours errnoRet and defaultErrnoRet", () => {
  const filter = profile(
    [rule(["read"], { action: "SCMP_ACT_ERRNO", errnoRet: 5 }), rule(["write"])],
    { defaultErrnoRet: 38 },
  );
  const calls = [{ name: "read" }, { name: "write" }, { name: "mount" }];
  assert.deepEqual(verdicts(filter, calls), [errno(5), ALLOW, errno(38)]);
});

Deno.test("SeccompCompiler.compile() knows every action", () => {
  const filter = profile([
    rule(["read"], { action: "SCMP_ACT_KILL" }),
    rule(["write"], { action: "SCMP_ACT_KILL_PROCESS" }),
    rule(["close"], { action: "SCMP_ACT_TRAP" }),
    rule(["dup"], { action: "SCMP_ACT_TRACE", errnoRet: 7 }),
    rule(["getpid"], { action: "SCMP_ACT_LOG" }),
    rule(["gettid"], { action: "SCMP_ACT_KILL_THREAD" }),
  ]);
  const names = ["read", "write", "close", "dup", "getpid", "gettid"];
  assert.deepEqual(
    verdicts(filter, names.map((name) => ({ name }))),
    [KILL_THREAD, KILL_PROCESS, 0x00030000, 0x7ff00007, LOG, KILL_THREAD],
  );
});

Deno.test("SeccompCompiler.compile() skips system calls that do not exist", () => {
  const filter = profile([rule(["no_such_call", "read"])]);
  assert.deepEqual(verdicts(filter, [{ name: "read" }]), [ALLOW]);
});

Deno.test("SeccompCompiler.compile() skips rules that say what the default says", () => {
  const filter = profile([rule(["read"], { action: "SCMP_ACT_ERRNO", errnoRet: 1 })]);
  assert.deepEqual(verdicts(filter, [{ name: "read" }, { name: "write" }]), [errno(1), errno(1)]);
});

Deno.test("SeccompCompiler.compile() takes the same rule twice", () => {
  assert.deepEqual(verdicts(profile([rule(["read"]), rule(["read"])]), [{ name: "read" }]), [
    ALLOW,
  ]);
});

const HUGE = 2n ** 63n + 5n;

Deno.test.each(
  [
    ["SCMP_CMP_EQ", [7n, 8n, HUGE], [true, false, false]],
    ["SCMP_CMP_NE", [7n, 8n, HUGE], [false, true, true]],
    ["SCMP_CMP_LT", [6n, 7n, HUGE], [true, false, false]],
    ["SCMP_CMP_LE", [7n, 8n, HUGE], [true, false, false]],
    ["SCMP_CMP_GT", [7n, 8n, HUGE], [false, true, true]],
    ["SCMP_CMP_GE", [6n, 7n, HUGE], [false, true, true]],
  ] as const,
)("SeccompCompiler.compile() compares an argument of 64 bits: %s", (op, values, allowed) => {
  const filter = profile([rule(["read"], { args: [{ index: 2, value: 7n, valueTwo: 0n, op }] })]);
  assert.deepEqual(
    verdicts(filter, values.map((value) => ({ name: "read", args: [0, 0, value] }))),
    allowed.map((yes) => yes ? ALLOW : errno(1)),
  );
});

Deno.test("SeccompCompiler.compile() takes value for the mask of SCMP_CMP_MASKED_EQ", () => {
  const filter = profile([
    rule(["read"], {
      args: [{ index: 0, value: 0xf0n, valueTwo: 0x30n, op: "SCMP_CMP_MASKED_EQ" }],
    }),
  ]);
  const calls = [0x3f, 0x4f].map((value) => ({ name: "read", args: [value] }));
  assert.deepEqual(verdicts(filter, calls), [ALLOW, errno(1)]);
});

Deno.test("SeccompCompiler.compile() wants all conditions on different arguments", () => {
  const equal = (index: number, value: bigint) =>
    ({ index, value, valueTwo: 0n, op: "SCMP_CMP_EQ" }) as const;
  const filter = profile([rule(["read"], { args: [equal(0, 1n), equal(1, 2n)] })]);
  const calls = [[1, 2], [1, 3], [0, 2]].map((args) => ({ name: "read", args }));
  assert.deepEqual(verdicts(filter, calls), [ALLOW, errno(1), errno(1)]);
});

Deno.test("SeccompCompiler.compile() takes conditions on one argument for alternatives", () => {
  const equal = (value: bigint) => ({ index: 0, value, valueTwo: 0n, op: "SCMP_CMP_EQ" }) as const;
  const filter = profile([rule(["read"], { args: [equal(1n), equal(2n)] })]);
  const calls = [1, 2, 3].map((value) => ({ name: "read", args: [value] }));
  assert.deepEqual(verdicts(filter, calls), [ALLOW, ALLOW, errno(1)]);
});

Deno.test("SeccompCompiler.compile() kills calls of an architecture that is not listed", () => {
  const filter = profile([rule(["read"])]);
  assert.deepEqual(verdicts(filter, [{ name: "read" }], X86), [KILL_THREAD]);
});

Deno.test({
  name: "SeccompCompiler.compile() filters the listed architectures and the native one",
  ignore: Deno.build.arch !== "x86_64",
  fn() {
    const filter = profile([rule(["read"])], { architectures: ["SCMP_ARCH_X86"] });
    const calls = [{ name: "read" }, { name: "mount" }];
    assert.deepEqual(verdicts(filter, calls, X86), [ALLOW, errno(1)]);
    assert.deepEqual(verdicts(filter, calls, X86_64), [ALLOW, errno(1)]);
  },
});

Deno.test("SeccompCompiler.compile() rejects an architecture that is not known", () => {
  using compiler = new SeccompCompiler(LIBSECCOMP);
  assert.throws(
    () => compiler.compile(profile([], { architectures: ["SCMP_ARCH_PDP11"] })),
    { kind: "InvalidArgument", message: "seccomp architecture: SCMP_ARCH_PDP11: not known" },
  );
});

Deno.test("SeccompCompiler.compile() answers the flags for seccomp(2)", () => {
  using compiler = new SeccompCompiler(LIBSECCOMP);
  const flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"] as const;
  assert.equal(compiler.compile(profile([], { flags: [...flags] })).flags, 6);
});

Deno.test("SeccompCompiler.compile() compiles a profile once, and forgets the oldest", () => {
  using compiler = new SeccompCompiler(LIBSECCOMP);
  const first = compiler.compile(profile([rule(["read"])]));
  assert.equal(compiler.compile(profile([rule(["read"])])), first);
  for (let code = 1; code <= 16; code++) compiler.compile(profile([], { defaultErrnoRet: code }));
  assert.notEqual(compiler.compile(profile([rule(["read"])])), first);
});

Deno.test("SeccompCompiler.compile() leaves no descriptor behind", () => {
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  using compiler = new SeccompCompiler(LIBSECCOMP);
  compiler.compile(profile([]));
  const before = count();
  for (let code = 1; code <= 20; code++) compiler.compile(profile([], { defaultErrnoRet: code }));
  assert.equal(count(), before);
});

Deno.test("SeccompCompiler.compile() names a library that cannot be opened", () => {
  using compiler = new SeccompCompiler("/nowhere/libseccomp.so.2");
  assert.throws(() => compiler.compile(profile([])), (error: ShimError) => {
    return error.kind === "Unavailable" && error.message.includes("/nowhere/libseccomp.so.2");
  });
});

Deno.test("wasmSeccomp() compiles to a filter of what a guest needs and no more", () => {
  const [own] = wasmSeccomp(undefined, { sockets: false });
  const table: [string, (number | bigint)[], number][] = [
    ["mmap", [], ALLOW],
    ["mprotect", [0, 4096, 7], ALLOW],
    ["openat2", [], ALLOW],
    ["exit_group", [], ALLOW],
    ["execve", [], KILL_PROCESS],
    ["execveat", [], KILL_PROCESS],
    ["socket", [], errno(1)],
    ["connect", [], errno(1)],
    ["clone", [], errno(1)],
    ["clone3", [], errno(1)],
    ["ptrace", [], errno(1)],
    ["mount", [], errno(1)],
    ["mknodat", [], errno(1)],
    ["kill", [1, 9], errno(1)],
    ["tgkill", [1, 1, 6], errno(1)],
    ["io_uring_setup", [], errno(1)],
    ["recvfrom", [], errno(1)],
    ["ioctl", [1, 0x5401], ALLOW],
    ["ioctl", [1, 0x541b], ALLOW],
    ["ioctl", [1, 0x5412], errno(1)], // TIOCSTI: input for the terminal
    ["prctl", [0x53564d41], ALLOW],
    ["prctl", [38, 1], errno(1)],
    ["prlimit64", [0, 3, 0, 4096], ALLOW],
    ["prlimit64", [0, 3, 4096, 0], errno(1)],
    ["seccomp", [1], ALLOW],
    ["seccomp", [0], errno(1)],
  ];
  assert.deepEqual(
    verdicts(own, table.map(([name, args]) => ({ name, args }))),
    table.map(([, , verdict]) => verdict),
  );
});

Deno.test("wasmSeccomp() with sockets lets a guest have those of the internet", () => {
  const [own] = wasmSeccomp(undefined, { sockets: true });
  const FLAGS = 0o2004000; // SOCK_CLOEXEC | SOCK_NONBLOCK
  const table: [string, number[], number][] = [
    ["socket", [2, 1 | FLAGS, 0], ALLOW],
    ["socket", [10, 2 | FLAGS, 0], ALLOW],
    ["socket", [1, 1, 0], errno(1)], // AF_UNIX
    ["socket", [16, 2, 0], errno(1)], // AF_NETLINK
    ["socket", [2, 3, 1], errno(1)], // SOCK_RAW
    ["connect", [], ALLOW],
    ["accept4", [], ALLOW],
    ["recvfrom", [], ALLOW],
    ["sendto", [3, 4096, 5, 0, 4096, 16], ALLOW],
    ["sendmsg", [], errno(1)],
    ["recvmsg", [], errno(1)],
    ["socketpair", [1, 1, 0], errno(1)],
  ];
  assert.deepEqual(
    verdicts(own, table.map(([name, args]) => ({ name, args }))),
    table.map(([, , verdict]) => verdict),
  );
});

Deno.test("wasmSeccomp() puts the pod's profile last, for the native architecture", () => {
  const pod = profile([rule(["read"])], { architectures: ["SCMP_ARCH_X86"] });
  const filters = wasmSeccomp(pod, { sockets: false });
  assert.equal(filters.length, 2);
  assert.deepEqual(filters[1], { ...pod, architectures: [] });
});
