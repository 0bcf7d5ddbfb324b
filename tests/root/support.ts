/** Support of the tests of libdenowasi: a driver for its functions, and roots for it to work on. Root only. */

import assert from "node:assert/strict";
import { run as runCompiler } from "../../scripts/native.ts";
import type { Op } from "../../src/linux/plan.ts";
import { encodePlan } from "../../src/linux/plan_codec.ts";
import { must } from "../support/mod.ts";

/** Negative, as the native side answers them. */
export const ERRNO = {
  EPERM: -1,
  ENOENT: -2,
  ESRCH: -3,
  EIO: -5,
  ENXIO: -6,
  E2BIG: -7,
  EBADF: -9,
  EACCES: -13,
  EBUSY: -16,
  EEXIST: -17,
  ENODEV: -19,
  ENOTDIR: -20,
  EISDIR: -21,
  EINVAL: -22,
  EROFS: -30,
  ENAMETOOLONG: -36,
  ELOOP: -40,
  EBADMSG: -74,
} as const;

/** Where the tests of one file put everything. */
export const folder = Deno.makeTempDirSync({ prefix: "denowasi-native-" });
Deno.chmodSync(folder, 0o755);
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const SOURCES = [
  ...["plan", "plan_files", "plan_identity", "plan_mounts", "plan_namespaces", "plan_terminal"],
  ...["deadline", "listen", "mounts", "root", "wire"],
].map((name) => `src/linux/native/${name}.c`);

/** native_driver.c with the sources of the library, under ASan and UBSan. */
export const DRIVER = `${folder}/driver`;
await runCompiler("gcc", [
  ...["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g", "-O1"],
  ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  ...["-o", DRIVER, "tests/root/native_driver.c", ...SOURCES],
]);

/** Runs a shell script in a mount namespace of its own; `$1`... are `args`, `$D` the driver. Answers its output. */
export async function shell(
  script: string,
  args: string[] = [],
  flags: string[] = [],
): Promise<string> {
  const argv = [
    "unshare",
    "--mount",
    "--propagation=private",
    ...flags,
    "sh",
    "-euc",
    script,
    "sh",
  ];
  const { out, err } = await must([...argv, ...args], { env: { D: DRIVER }, timeoutMs: 30_000 });
  assert.equal(err, "");
  return out;
}

/** How a plan went. */
export interface Outcome {
  /** 0 or -errno. */
  result: number;
  /** The operation that failed. */
  step: string;
  /** What the command printed that ran after it. */
  out: string;
}

let plans = 0;

/** The path of a file with the encoded plan. */
export function planFile(ops: Op[] | Uint8Array): string {
  const path = `${folder}/plan-${plans++}`;
  Deno.writeFileSync(path, ops instanceof Uint8Array ? ops : encodePlan(ops));
  return path;
}

export interface PerformOptions {
  /** Shell commands to run before, in the same mount namespace. */
  before?: string;
  /** Shell commands to run after a plan that succeeded, in the process that has performed it. */
  after?: string;
  /** Descriptors that may be open afterwards and were not before. */
  descriptors?: number;
}

/** Performs `ops` in a process and a mount namespace of their own. No descriptor may be left open. */
export async function perform(
  ops: Op[] | Uint8Array,
  { before = "", after, descriptors = 0 }: PerformOptions = {},
): Promise<Outcome> {
  const command = after === undefined ? [] : ["/bin/busybox", "sh", "-c", after];
  const output = await shell(`${before}\nexec "$D" perform "$@"`, [planFile(ops), ...command]);
  const [, result, more, step, out] = /^(\S+) (\S+) ([^\n]*)\n(.*)$/s.exec(output)!;
  assert.equal(Number(more), descriptors, "descriptors left open");
  return { result: Number(result), step, out };
}

/**
 * Performs `ops` as `perform` does, but in a session of its own with a monitor, for plans with a terminal.
 * @param after shell commands to run in the terminal
 * @param typed what is typed there, before it is looked at
 * @returns the outcome, in which `out` is the screen, and how the shell ended: the status of wait(2)
 */
export async function performInTerminal(
  ops: Op[],
  { before = "", after = ":", typed = "" }: { before?: string; after?: string; typed?: string },
): Promise<Outcome & { status: number }> {
  const script =
    `${before}\nfile=$1; shift; printf "$1" | "$D" terminal $file /bin/busybox sh -c "$2"`;
  const output = await shell(script, [planFile(ops), typed, after]);
  const [, result, more, step, out, status] = /^(\S+) (\S+) ([^\n]*)\n(.*)status (\d+)\n$/s.exec(
    output,
  )!;
  assert.equal(more, "0", "descriptors left open");
  return { result: Number(result), step, out, status: Number(status) };
}

/** The process `pid` with its start time, field 22 of /proc/PID/stat. */
export function identify(pid: number): { pid: number; startTime: string } {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return { pid, startTime: stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] };
}

/** Entries by absolute path: a file's text, `null` for a folder, or the target of a link. */
type Entries = Record<string, string | null | { link: string }>;

/** A container's root. */
export class Root implements Disposable {
  readonly path = Deno.makeTempDirSync({ dir: folder, prefix: "root-" });

  constructor(entries: Entries = {}) {
    Deno.chmodSync(this.path, 0o755);
    for (const [name, entry] of Object.entries(entries)) {
      const path = `${this.path}${name}`;
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      if (entry === null) Deno.mkdirSync(path, { recursive: true });
      else if (typeof entry === "string") Deno.writeTextFileSync(path, entry);
      else Deno.symlinkSync(entry.link, path);
    }
  }

  /** Makes it one that a shell can run in, after `pivot`. */
  withShell(): this {
    Deno.mkdirSync(`${this.path}/bin`);
    Deno.copyFileSync("/bin/busybox", `${this.path}/bin/busybox`);
    return this;
  }

  /** What a path below it is, without following a link: "folder", "file", a link's target, or undefined. */
  has(name: string): string | undefined {
    try {
      const info = Deno.lstatSync(`${this.path}${name}`);
      if (info.isSymlink) return Deno.readLinkSync(`${this.path}${name}`);
      return info.isDirectory ? "folder" : info.isFile ? "file" : "other";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
        return undefined;
      }
      throw error;
    }
  }

  /** Every path below it but the shell's, sorted. */
  list(below = ""): string[] {
    return [...Deno.readDirSync(`${this.path}${below}`)].flatMap(({ name, isDirectory }) => {
      const path = `${below}/${name}`;
      if (path === "/bin") return [];
      return isDirectory ? [path, ...this.list(path)] : [path];
    }).sort();
  }

  /** Takes it as the container's root. */
  get op(): Op {
    return { op: "root", path: this.path, flags: 0 };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A mount operation of a new tmpfs, with what is given instead. */
export function mountOp(values: Partial<Extract<Op, { op: "mount" }>>): Op {
  return {
    op: "mount",
    source: "tmpfs",
    target: "/mnt",
    type: "tmpfs",
    flags: 0,
    propagation: 0,
    data: "",
    ...values,
  };
}

/** A mount as /proc/self/mountinfo shows it; the last one, where several are stacked. */
export interface Mount {
  options: string;
  shared: boolean;
  type: string;
  superOptions: string;
}

/** The mount at `path` in a mountinfo(5); undefined when there is none. */
export function mountAt(mountinfo: string, path: string): Mount | undefined {
  const line = mountinfo.split("\n").findLast((line) => line.split(" ")[4] === path);
  if (!line) return undefined;
  const [left, right] = line.split(" - ").map((half) => half.split(" "));
  return {
    options: left[5],
    shared: left.slice(6).some((field) => field.startsWith("shared:")),
    type: right[0],
    superOptions: right[2],
  };
}

/** The options of a mount, without the one about access times. */
export const flags = (mount: Mount | undefined) =>
  mount?.options.split(",").filter((name) => !name.endsWith("atime"));
