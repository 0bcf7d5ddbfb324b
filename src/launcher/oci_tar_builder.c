#include "commands.h"

#include "runtime.h"
#include "unpack.h"
#include "util.h"

int command_oci_tar_builder(int argc, char *const *argv) {
  char folder[UNPACKED_PATH_SIZE];
  cleanup_runtime struct runtime runtime = {0};

  if (unpack_for_user(folder) < 0 || runtime_init_cached(&runtime, folder) < 0) return EXIT_FAILED;
  for (int i = 0; i < argc; i++)
    if (runtime_add(&runtime, "%s", argv[i]) < 0) return EXIT_FAILED;
  runtime_exec(&runtime, STDERR_FILENO);
  return EXIT_FAILED;
}
