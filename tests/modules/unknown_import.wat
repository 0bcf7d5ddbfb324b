;; Imports what no host offers.
(module
  (import "no_such_module" "no_such_function" (func))
  (memory (export "memory") 1)
  (func (export "_start")))
