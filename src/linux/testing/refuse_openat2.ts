/**
 * Opens files below / by the library of the first argument, before and after a seccomp filter that answers EPERM to
 * openat2. Prints a list of 0 or a negative errno for each.
 */

import { HOW, O, openSystem } from "../system.ts";

const PR_SET_SECCOMP = 22, PR_SET_NO_NEW_PRIVS = 38, SECCOMP_MODE_FILTER = 2;
const SYS_OPENAT2 = 437;
/** linux/filter.h, linux/seccomp.h: load the number of the call; refuse that one; allow all others. */
const FILTER: [code: number, yes: number, no: number, value: number][] = [
  [0x20, 0, 0, 0],
  [0x15, 0, 1, SYS_OPENAT2],
  [0x06, 0, 0, 0x0005_0001],
  [0x06, 0, 0, 0x7fff_0000],
];

const system = openSystem(Deno.args[0]);
const folder = system.openHost(new TextEncoder().encode("/proc/self\0"), O.DIRECTORY);

function open(path: string, flags: number = O.RDONLY): number {
  const bytes = new TextEncoder().encode(path);
  const fd = system.open(folder, bytes, 0, bytes.length, flags, 0, HOW.FOLLOW);
  return fd < 0 ? fd : system.close(fd);
}

function refuseOpenat2() {
  const program = new DataView(new ArrayBuffer(8 * FILTER.length));
  FILTER.forEach(([code, yes, no, value], index) => {
    program.setUint16(8 * index, code, true);
    program.setUint8(8 * index + 2, yes);
    program.setUint8(8 * index + 3, no);
    program.setUint32(8 * index + 4, value, true);
  });
  const header = new DataView(new ArrayBuffer(16));
  header.setUint16(0, FILTER.length, true);
  const at = Deno.UnsafePointer.value(Deno.UnsafePointer.of(program));
  header.setBigUint64(8, at, true);
  const { symbols } = Deno.dlopen("libc.so.6", {
    prctl: { parameters: ["i32", "u64", "buffer", "u64", "u64"], result: "i32" },
  });
  const done = symbols.prctl(PR_SET_NO_NEW_PRIVS, 1n, null, 0n, 0n) === 0 &&
    symbols.prctl(PR_SET_SECCOMP, BigInt(SECCOMP_MODE_FILTER), header, 0n, 0n) === 0;
  if (!done) throw new Error("seccomp filter: refused");
}

const before = [open("status"), open("../version")];
refuseOpenat2();
const after = [open("status"), open("../version")];
console.log(JSON.stringify([...before, ...after, open("root/etc/passwd")]));
