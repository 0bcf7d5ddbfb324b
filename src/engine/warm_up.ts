/**
 * A module that calls what nearly every program calls, and exits with 0 when all of it succeeded:
 *
 * ```wat
 * (module
 *   (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
 *   (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
 *   (memory (export "memory") 1)
 *   (func (export "_start")
 *     (call $exit (i32.or
 *       (i32.or (call $args (i32.const 0) (i32.const 4)) (call $environ (i32.const 0) (i32.const 4)))
 *       (i32.or (call $random (i32.const 8) (i32.const 8))
 *         (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 32)))))))
 * ```
 */
export const WARM_UP_MODULE: Uint8Array<ArrayBuffer> = Uint8Array.from(
  atob(
    "AGFzbQEAAAABFgRgAn9/AX9gBH9/f38Bf2ABfwBgAAACvQEFFndhc2lfc25hcHNob3RfcHJldmlldzEOYXJnc19zaX" +
      "plc19nZXQAABZ3YXNpX3NuYXBzaG90X3ByZXZpZXcxEWVudmlyb25fc2l6ZXNfZ2V0AAAWd2FzaV9zbmFwc2hvdF9w" +
      "cmV2aWV3MQpyYW5kb21fZ2V0AAAWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQhmZF93cml0ZQABFndhc2lfc25hcHNob3" +
      "RfcHJldmlldzEJcHJvY19leGl0AAIDAgEDBQMBAAEHEwIGbWVtb3J5AgAGX3N0YXJ0AAUKJQEjAEEAQQQQAEEAQQQQ" +
      "AXJBCEEIEAJBAUEQQQFBIBADcnIQBAs=",
  ),
  (character) => character.charCodeAt(0),
);
