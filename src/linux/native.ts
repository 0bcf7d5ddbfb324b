/**
 * The binding of libdenowasi.so (native/native.h). One symbol table per process that uses it, opened by a function,
 * never at import. Functions return a negative errno on failure, which `check` turns into a ShimError.
 */

import { errnoError } from "./errno.ts";

/** A NUL-terminated UTF-8 string for a `const char *` parameter. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** `result`, or a ShimError that says `action` when it is a negative errno. */
export function check(result: number | bigint, action: string): number {
  const value = Number(result);
  if (value < 0) throw errnoError(-value, action);
  return value;
}

const SUPERVISOR = {
  // source, target, type, flags, data, folder
  dw_mount: {
    parameters: ["buffer", "buffer", "buffer", "u64", "buffer", "buffer"],
    result: "i32",
  },
  // target
  dw_unmount_all: { parameters: ["buffer"], result: "i32" },
  // root, path, buffer, capacity
  dw_read_in_root: { parameters: ["buffer", "buffer", "buffer", "u64"], result: "i64" },
  // path, mode
  dw_mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
} as const;

const ZYGOTE = {
  // socket_path, greeting
  dw_zygote_connect: { parameters: ["buffer", "buffer"], result: "i32" },
  dw_zygote_next: { parameters: [], result: "i32" },
  // size
  dw_zygote_code: { parameters: ["buffer"], result: "pointer" },
  dw_zygote_digest: { parameters: [], result: "pointer" },
  // which
  dw_zygote_field: { parameters: ["u32"], result: "pointer" },
  // served: 0 or 1
  dw_zygote_register: { parameters: ["u32"], result: "i32" },
  // kind, message
  dw_zygote_refuse: { parameters: ["buffer", "buffer"], result: "i32" },
  dw_zygote_slot: { parameters: [], result: "i32" },
  // arguments, environment, input, size, timeout_ms, output
  dw_filter: {
    parameters: ["buffer", "buffer", "buffer", "u64", "u32", "buffer"],
    result: "i64",
  },
  // output
  dw_release: { parameters: ["pointer"], result: "void" },
  // seconds
  dw_cpu_deadline: { parameters: ["u64"], result: "i32" },
  // address, port
  dw_listen: { parameters: ["buffer", "u32"], result: "i32" },
  // code, message
  dw_exit: { parameters: ["i32", "buffer"], result: "void" },
} as const;

const SERVED = {
  // grace: seconds
  dw_served_signals: { parameters: ["u32"], result: "i32" },
  // filter, size
  dw_served_lock: { parameters: ["buffer", "u64"], result: "i32" },
} as const;

const TEST = {
  // plan, size, step, step_size
  dw_perform: { parameters: ["buffer", "u64", "buffer", "u64"], result: "i32" },
} as const;

export type ZygoteNative = Deno.DynamicLibrary<typeof ZYGOTE>["symbols"];
export type SupervisorNative = Deno.DynamicLibrary<typeof SUPERVISOR>["symbols"];
export const openSupervisorNative = (path: string): SupervisorNative =>
  Deno.dlopen(path, SUPERVISOR).symbols;
export const openZygoteNative = (path: string): ZygoteNative => Deno.dlopen(path, ZYGOTE).symbols;
export const openServedNative = (path: string) => Deno.dlopen(path, SERVED).symbols;
export const openTestNative = (path: string) => Deno.dlopen(path, TEST);
