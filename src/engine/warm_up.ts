/** What the engine runs before the first guest. */

import type { Guest } from "./mod.ts";

/** Given to the module below. Of its preopen it lists a little. */
export const WARM_UP_GUEST: Guest = {
  args: ["warm-up"],
  env: ["A=B"],
  cwd: "/",
  export: "_start",
  preopens: [{ host: "/", guest: "/" }],
  listeners: [],
};

/**
 * A module that calls what nearly every program calls, and exits with 0 when all of it succeeded:
 *
 * ```wat
 * (module
 *   (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "path_open"
 *     (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
 *   (memory (export "memory") 1)
 *   (data (i32.const 0) ".")
 *   ;; Address 8 holds vectors: none. Results go to 64 and on.
 *   (func (export "_start") (local $failed i32)
 *     (local.set $failed (call $args_sizes_get (i32.const 64) (i32.const 68)))
 *     (local.set $failed (i32.or (local.get $failed) (call $args_get (i32.const 64) (i32.const 128))))
 *     (local.set $failed (i32.or (local.get $failed) (call $environ_sizes_get (i32.const 64) (i32.const 68))))
 *     (local.set $failed (i32.or (local.get $failed) (call $environ_get (i32.const 64) (i32.const 128))))
 *     (local.set $failed (i32.or (local.get $failed) (call $random_get (i32.const 64) (i32.const 8))))
 *     (local.set $failed (i32.or (local.get $failed) (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 64))))
 *     (local.set $failed (i32.or (local.get $failed) (call $fd_prestat_get (i32.const 3) (i32.const 64))))
 *     (local.set $failed (i32.or (local.get $failed)
 *       (call $fd_prestat_dir_name (i32.const 3) (i32.const 64) (i32.const 1))))
 *     (local.set $failed (i32.or (local.get $failed)
 *       (call $path_filestat_get (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))))
 *     (local.set $failed (i32.or (local.get $failed)
 *       (call $path_open (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 2) (i64.const 0x204000)
 *         (i64.const 0) (i32.const 0) (i32.const 64))))
 *     (local.set $failed (i32.or (local.get $failed) (call $fd_fdstat_get (i32.load (i32.const 64)) (i32.const 128))))
 *     (local.set $failed (i32.or (local.get $failed)
 *       (call $fd_readdir (i32.load (i32.const 64)) (i32.const 256) (i32.const 32) (i64.const 0) (i32.const 128))))
 *     (local.set $failed (i32.or (local.get $failed) (call $fd_close (i32.load (i32.const 64)))))
 *     (drop (call $fd_read (i32.const -1) (i32.const 8) (i32.const 0) (i32.const 64)))
 *     (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 0) (i32.const 64)))
 *     (call $proc_exit (local.get $failed))))
 * ```
 */
export const WARM_UP_MODULE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(
  "AGFzbQEAAAABSApgAn9/AX9gA39+fwF/YAN/f38Bf2AFf39/f38Bf2AJf39/f39+fn9/AX9gBX9/f35/AX9gAX8Bf2" +
    "AEf39/fwF/YAF/AGAAAALdBBAWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQ5hcmdzX3NpemVzX2dldAAAFndhc2lfc25h" +
    "cHNob3RfcHJldmlldzEIYXJnc19nZXQAABZ3YXNpX3NuYXBzaG90X3ByZXZpZXcxEWVudmlyb25fc2l6ZXNfZ2V0AA" +
    "AWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQtlbnZpcm9uX2dldAAAFndhc2lfc25hcHNob3RfcHJldmlldzEKcmFuZG9t" +
    "X2dldAAAFndhc2lfc25hcHNob3RfcHJldmlldzEOY2xvY2tfdGltZV9nZXQAARZ3YXNpX3NuYXBzaG90X3ByZXZpZX" +
    "cxDmZkX3ByZXN0YXRfZ2V0AAAWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MRNmZF9wcmVzdGF0X2Rpcl9uYW1lAAIWd2Fz" +
    "aV9zbmFwc2hvdF9wcmV2aWV3MQ1mZF9mZHN0YXRfZ2V0AAAWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MRFwYXRoX2ZpbG" +
    "VzdGF0X2dldAADFndhc2lfc25hcHNob3RfcHJldmlldzEJcGF0aF9vcGVuAAQWd2FzaV9zbmFwc2hvdF9wcmV2aWV3" +
    "MQpmZF9yZWFkZGlyAAUWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQhmZF9jbG9zZQAGFndhc2lfc25hcHNob3RfcHJldm" +
    "lldzEHZmRfcmVhZAAHFndhc2lfc25hcHNob3RfcHJldmlldzEIZmRfd3JpdGUABxZ3YXNpX3NuYXBzaG90X3ByZXZp" +
    "ZXcxCXByb2NfZXhpdAAIAwIBCQUDAQABBxMCBm1lbW9yeQIABl9zdGFydAAQCusBAegBAQF/QcAAQcQAEAAhACAAQc" +
    "AAQYABEAFyIQAgAEHAAEHEABACciEAIABBwABBgAEQA3IhACAAQcAAQQgQBHIhACAAQQFCAUHAABAFciEAIABBA0HA" +
    "ABAGciEAIABBA0HAAEEBEAdyIQAgAEEDQQFBAEEBQcAAEAlyIQAgAEEDQQFBAEEBQQJCgICBAUIAQQBBwAAQCnIhAC" +
    "AAQcAAKAIAQYABEAhyIQAgAEHAACgCAEGAAkEgQgBBgAEQC3IhACAAQcAAKAIAEAxyIQBBf0EIQQBBwAAQDRpBAUEI" +
    "QQBBwAAQDhogABAPCwsHAQBBAAsBLg==",
);
