/**
 * The system calls of a forked V8 with a WASI host over libc: an allow-list that is loaded on top of whatever
 * config.json asks for. Everything else answers EPERM, as runc's default profile does; execve(2), which nothing
 * here has a use for, kills.
 *
 * Not here, and why: kill and tgkill (a guest sends no signals; abort(3) ends in a trap instruction all the same),
 * clone and fork (one thread), sockets but those of SOCKETS, mknod and chmod (WASI has none),
 * memfd_create, ptrace, mount, bpf, io_uring.
 */

import type { LinuxSeccomp, SyscallArg, SyscallRule } from "../linux/seccomp.ts";

export const EPERM = 1;

/** Memory, which V8 also makes executable. */
export const MEMORY = [
  ...["mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "mincore"],
  ...["pkey_alloc", "pkey_free", "pkey_mprotect", "membarrier"],
];

export const PROCESS = [
  ...[
    "futex",
    "sched_yield",
    "sched_getaffinity",
    "getcpu",
    "rseq",
    "set_robust_list",
    "getrandom",
  ],
  ...["rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall"],
  ...["getpid", "gettid", "getuid", "geteuid", "getgid", "getegid"],
  ...["getrusage", "getrlimit", "sysinfo", "uname", "times", "exit", "exit_group"],
];

export const TIME = [
  "clock_gettime",
  "clock_getres",
  "clock_nanosleep",
  "nanosleep",
  "gettimeofday",
  "time",
];

export const FILES = [
  ...["read", "write", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev"],
  ...["preadv2", "pwritev2", "lseek", "openat", "openat2", "close", "close_range"],
  ...["fstat", "newfstatat", "fstatat64", "statx", "fstatfs", "getdents64", "getcwd"],
  ...["ftruncate", "fallocate", "fadvise64", "fsync", "fdatasync", "utimensat"],
  ...["mkdirat", "unlinkat", "renameat", "renameat2", "linkat", "symlinkat", "readlinkat"],
  ...["fcntl", "dup", "dup2", "dup3", "poll", "ppoll", "pselect6"],
  // The C library's on x86-64, which has no need of the *at forms; other architectures lack them.
  ...["open", "stat", "lstat", "access", "faccessat", "faccessat2", "readlink", "statfs"],
  ...["mkdir", "rmdir", "unlink", "rename", "link", "symlink", "truncate"],
];

/**
 * wasi:sockets: TCP and UDP in the container's network namespace, which decides what they reach. No sendmsg and recvmsg,
 * which also pass descriptors, and no socketpair: of other families than INTERNET a guest can make nothing.
 */
const SOCKETS = [
  ...["bind", "connect", "listen", "accept", "accept4", "sendto", "recvfrom", "shutdown"],
  ...["getsockname", "getpeername", "getsockopt", "setsockopt"],
];

/** socket(2): AF_INET, AF_INET6; SOCK_STREAM, SOCK_DGRAM, of what a type is without its flags. */
const INTERNET = { families: [2n, 10n], types: [1n, 2n], typeMask: 0xfn };

/** ioctl(2) requests, from asm-generic/ioctls.h: is it a terminal and how large, bytes to read, O_NONBLOCK. */
export const IOCTLS = { TCGETS: 0x5401n, TIOCGWINSZ: 0x5413n, FIONREAD: 0x541bn, FIONBIO: 0x5421n };

/** prctl(2): a name for a range of memory, as V8 gives. */
export const PR_SET_VMA = 0x53564d41n;

/** seccomp(2) */
const SECCOMP_SET_MODE_FILTER = 1n;

export interface WasmSeccompOptions {
  /** Whether the guest may have sockets of the internet. */
  sockets: boolean;
}

/**
 * The filters of a Wasm container, in the order in which to load them: the allow-list, which admits seccomp(2), then
 * what `pod`, the container's own linux.seccomp, asks for, which need not. The kernel takes the sternest answer of
 * all filters, and the allow-list kills whoever calls in another architecture's way, so the pod's is needed for the
 * native one only: containerd's default profile compiles four times as fast.
 */
export function wasmSeccomp(
  pod: LinuxSeccomp | undefined,
  options: WasmSeccompOptions,
): LinuxSeccomp[] {
  const own = allowList(options);
  return pod ? [own, { ...pod, architectures: [] }] : [own];
}

function allowList({ sockets }: WasmSeccompOptions): LinuxSeccomp {
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: [],
    flags: [],
    syscalls: [
      { ...allow([]), names: ["execve", "execveat"], action: "SCMP_ACT_KILL_PROCESS" },
      allow([...MEMORY, ...PROCESS, ...TIME, ...FILES, ...(sockets ? SOCKETS : [])]),
      ...Object.values(IOCTLS).map((request) => allow(["ioctl"], equal(1, request))),
      allow(["prctl"], equal(0, PR_SET_VMA)),
      allow(["seccomp"], equal(0, SECCOMP_SET_MODE_FILTER)),
      // Of the process itself, to read only: the C library asks for the size of the stack.
      allow(["prlimit64"], equal(0, 0n), equal(2, 0n)),
      ...(sockets ? internetSockets() : []),
    ],
  };
}

export function internetSockets(): SyscallRule[] {
  return INTERNET.families.flatMap((family) =>
    INTERNET.types.map((type) =>
      allow(["socket"], equal(0, family), {
        index: 1,
        value: INTERNET.typeMask,
        valueTwo: type,
        op: "SCMP_CMP_MASKED_EQ",
      })
    )
  );
}

export function allow(names: string[], ...args: SyscallArg[]): SyscallRule {
  return { names, action: "SCMP_ACT_ALLOW", errnoRet: undefined, args };
}

export function equal(index: number, value: bigint): SyscallArg {
  return { index, value, valueTwo: 0n, op: "SCMP_CMP_EQ" };
}
