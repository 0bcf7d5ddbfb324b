#include "commands.h"

#include "runtime.h"
#include "unpack.h"
#include "util.h"

int command_run(int argc, char *const *argv, const char *engine) {
  char folder[UNPACKED_PATH_SIZE];
  cleanup_runtime struct runtime runtime = {0};

  if (unpack_for_user(folder) < 0) return EXIT_FAILED;
  cleanup_free char *cache = format_string("%s/cache", folder);
  if (cache == NULL || runtime_init(&runtime, folder, RUNTIME_RUN, cache, NULL) < 0 ||
      runtime_add(&runtime, "run") < 0 || runtime_add(&runtime, "%s", folder) < 0 ||
      runtime_add(&runtime, "%s", engine) < 0)
    return EXIT_FAILED;
  for (int i = 1; i < argc; i++)
    if (runtime_add(&runtime, "%s", argv[i]) < 0) return EXIT_FAILED;
  runtime_exec(&runtime, STDERR_FILENO);
  return EXIT_FAILED;
}
