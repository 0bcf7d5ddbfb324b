;; A command whose world has an interface that no host gives.
(component
  (import "wasi:keyvalue/store@0.2.0" (instance $store (export "open" (func (result u32)))))
  (core func $open (canon lower (func $store "open")))
  (core module $code
    (import "" "open" (func $open (result i32)))
    (func (export "run") (result i32) (drop (call $open)) (i32.const 0)))
  (core instance $made (instantiate $code (with "" (instance (export "open" (func $open))))))
  (func $run (result (result)) (canon lift (core func $made "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
