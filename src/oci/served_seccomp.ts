/**
 * The system calls of a program that is served by a runtime of its own: those of a forked one, and what an event loop, threads
 * and sockets take. The runtime is exec'd under this list, and then locks itself up with a second one.
 */

import type { LinuxSeccomp } from "../linux/seccomp.ts";
import {
  allow,
  EPERM,
  equal,
  FILES,
  internetSockets,
  IOCTLS,
  MEMORY,
  PR_SET_VMA,
  PROCESS,
  TIME,
} from "./wasm_seccomp.ts";

const ENOSYS = 38;

/** CLONE_VM | CLONE_SIGHAND | CLONE_THREAD of clone(2): a thread, not a process. */
const THREAD = 0x10900n;

/** Beginning a program, which the loader and the C library do, and its threads. */
const BEGINNING = ["execve", "execveat", "arch_prctl", "set_tid_address"];
const THREADS = ["sched_getparam", "sched_getscheduler"];
/** Deno's event loop. */
const EVENTS = [
  ...["epoll_create1", "epoll_create", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2"],
  ...["eventfd2", "pipe2", "timerfd_create", "timerfd_settime"],
  "alarm", // the limit of a graceful end
];
/** Serving, requests of the guest's, and the resolver's. */
const NETWORK = [
  ...["bind", "listen", "accept4", "accept", "connect", "shutdown"],
  ...["getsockname", "getpeername", "getsockopt", "setsockopt"],
  ...["sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg"],
];

/** socket(2): for pairs alone. */
const AF_UNIX = 1n;

/** ioctl(2): close on exec, as Rust's library asks for. */
const FIOCLEX = 0x5451n;

const PR_SET_NAME = 15n;
const SECCOMP_SET_MODE_FILTER = 1n;

/** The filters in the order in which to load them: wasmSeccomp() has the reasons. */
export function servedSeccomp(pod: LinuxSeccomp | undefined): LinuxSeccomp[] {
  return pod ? [SERVED, { ...pod, architectures: [] }] : [SERVED];
}

const SERVED: LinuxSeccomp = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: EPERM,
  architectures: [],
  flags: [],
  syscalls: [
    allow([...MEMORY, ...PROCESS, ...TIME, ...FILES]),
    allow([...BEGINNING, ...THREADS, ...EVENTS, ...NETWORK]),
    ...internetSockets(),
    allow(["socketpair"], equal(0, AF_UNIX)),
    allow(["clone"], { index: 0, value: THREAD, valueTwo: THREAD, op: "SCMP_CMP_MASKED_EQ" }),
    // Its flags are in memory, where a filter cannot look: the C library falls back to clone.
    { ...allow(["clone3"]), action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
    ...[...Object.values(IOCTLS), FIOCLEX].map((request) => allow(["ioctl"], equal(1, request))),
    ...[PR_SET_VMA, PR_SET_NAME].map((option) => allow(["prctl"], equal(0, option))),
    allow(["seccomp"], equal(0, SECCOMP_SET_MODE_FILTER)),
    allow(["prlimit64"], equal(0, 0n), equal(2, 0n)),
  ],
};

/** What the runtime loads before it looks at the program: it has begun, and nothing is exec'd from here on. */
export const SERVED_LOCK: LinuxSeccomp = {
  defaultAction: "SCMP_ACT_ALLOW",
  defaultErrnoRet: undefined,
  architectures: [],
  flags: [],
  syscalls: [
    { ...allow([]), names: ["execve", "execveat"], action: "SCMP_ACT_KILL_PROCESS" },
    { ...allow([]), names: ["seccomp"], action: "SCMP_ACT_ERRNO", errnoRet: EPERM },
  ],
};
