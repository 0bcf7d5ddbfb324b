;; Valid, but without an export to run.
(module
  (memory (export "memory") 1))
