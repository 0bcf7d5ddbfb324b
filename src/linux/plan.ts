/**
 * The sandbox plan: primitive operations, as plain data, that a container's process performs on itself
 * in order. `oci/` makes plans, `linux/native/plan*.c` perform them.
 *
 * Paths are of two kinds. *Host* paths are resolved in the mount namespace at hand with ordinary rules
 * and never contain a guest's string. *Root* paths are resolved below the root opened by `root` or `enter`, with
 * openat2(2) RESOLVE_IN_ROOT, so no symlink of the guest's image leads outside; missing
 * components of a mount target are created.
 */

/** Bits of clone(2): the CLONE_NEW* flag of each kind. */
export const CLONE_FLAGS = {
  cgroup: 0x02000000,
  ipc: 0x08000000,
  mount: 0x00020000,
  network: 0x40000000,
  pid: 0x20000000,
  time: 0x00000080,
  user: 0x10000000,
  uts: 0x04000000,
} as const;

export type NamespaceKind = keyof typeof CLONE_FLAGS;

export type Op =
  /** open(2) host `path` and make it descriptor `fd` (0-2). */
  | { op: "open"; path: string; flags: number; mode: number; fd: number }
  /** Write `data` to the existing host file `path`. With `optional`, ENOENT is no failure. */
  | { op: "write"; path: string; data: string; optional: boolean }
  /** setns(2): join the namespace of `kind` at host `path`. */
  | { op: "join"; kind: NamespaceKind; path: string }
  /** unshare(2): new namespaces, together. */
  | { op: "unshare"; kinds: NamespaceKind[] }
  /** mount(2) with only propagation `flags` (MS_PRIVATE, MS_SLAVE, with MS_REC) on host `path`. */
  | { op: "propagation"; path: string; flags: number }
  /** Bind host `path` onto itself with MS_REC, add the mount `flags` (MS_NODEV...), and take it as the root. */
  | { op: "root"; path: string; flags: number }
  /**
   * mount(2) `source` of `type` on root path `target`. For MS_BIND `source` is a host path and the target is
   * created as a file or folder like the source, and the other `flags` apply to the bind mount; else it is created as a
   * folder. `propagation` (MS_PRIVATE..., with MS_REC, 0 for none) is applied too.
   */
  | {
    op: "mount";
    source: string;
    target: string;
    type: string;
    flags: number;
    propagation: number;
    data: string;
  }
  /** Bind-remount root path `target` with `flags` (MS_RDONLY...), keeping the flags it has. */
  | { op: "remount"; target: string; flags: number }
  /** mkdir(2) root path with parents; no failure when it is there. */
  | { op: "mkdir"; path: string; mode: number }
  /** mknod(2) root `path`; `mode` holds type and permissions; replaces nothing: EEXIST is no failure. */
  | {
    op: "mknod";
    path: string;
    mode: number;
    major: number;
    minor: number;
    uid: number;
    gid: number;
  }
  /** symlink(2) root `path` pointing to `target`, a string only; EEXIST is no failure. */
  | { op: "symlink"; path: string; target: string }
  /** Hide root `path`: /dev/null over a file, an empty read-only tmpfs over a folder; absent is no failure. */
  | { op: "mask"; path: string }
  /** Make root `path` read-only by a bind mount (recursively); absent is no failure. */
  | { op: "readonly"; path: string }
  /** pivot_root(2) into the root and detach everything outside. Host paths mean the guest's from here on. */
  | { op: "pivot" }
  | { op: "hostname"; name: string }
  | { op: "domainname"; name: string }
  /** prlimit(2); `resource` is an RLIMIT_* number. */
  | { op: "rlimit"; resource: number; soft: bigint; hard: bigint }
  /** Write `data` to sys/`name` of a procfs of its own, with the dots of `name` made slashes. */
  | { op: "sysctl"; name: string; data: string }
  /** Write `data` to self/attr/`attribute` of a procfs of its own: a security module's label. */
  | { op: "label"; attribute: string; data: string }
  | { op: "umask"; mask: number }
  /** chdir(2) to the root path after `pivot` or `enter`; it must be there. */
  | { op: "chdir"; path: string }
  /**
   * setgroups(2), setresgid(2), setresuid(2), keeping capabilities across them (PR_SET_KEEPCAPS) for `capabilities`.
   */
  | { op: "user"; uid: number; gid: number; groups: number[] }
  /** Drop the bounding set to `bounding` with prctl(2): must come before `user`. Bit n is capability n. */
  | { op: "bounding"; mask: bigint }
  /** capset(2) and the ambient set. Bit n is capability n. */
  | {
    op: "capabilities";
    effective: bigint;
    permitted: bigint;
    inheritable: bigint;
    ambient: bigint;
  }
  | { op: "noNewPrivileges" }
  /** seccomp(2) SECCOMP_SET_MODE_FILTER with `flags`; `filter` is an array of struct sock_filter. */
  | { op: "seccomp"; flags: number; filter: Uint8Array }
  /**
   * setns(2): join the namespaces of `kinds` (neither user nor time) of process `pid`, as the host's /proc numbers it.
   * ESRCH when it has ended, or was not started at `startTime` (field 22 of /proc/PID/stat, clock ticks). With "mount",
   * the root of that namespace is the root from here on, and host paths mean the guest's.
   */
  | { op: "enter"; pid: number; startTime: string; kinds: NamespaceKind[] }
  /**
   * A new pty of the devpts at root path /dev/pts (ENODEV: it is none) for descriptors 0 to 2, which must be open, and as
   * the controlling terminal of the session, whose leader this is. `width` and `height` are in characters, 0 for none;
   * `uid` is its owner; with `console` it is at /dev/console, too. The monitor gets the master: docs/architecture.md.
   */
  | { op: "terminal"; width: number; height: number; uid: number; console: boolean }
  /** socket(2), bind(2), listen(2): a TCP socket on numeric `address`, O_NONBLOCK, as descriptor `fd`, which must be free. */
  | { op: "listen"; address: string; port: number; fd: number };

/** What one container's processes do before the module runs: see docs/architecture.md. */
export interface SandboxPlan {
  /** Performed by the monitor before it forks init: `join`, `unshare` or `enter` of "pid" only. */
  monitor: Op[];
  /** Performed by init; then it reports ready and waits for the start. */
  init: Op[];
}
