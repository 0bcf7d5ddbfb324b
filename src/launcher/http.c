#include <stdio.h>

#include "commands.h"
#include "runtime.h"
#include "util.h"

/*
 * The descriptors by which the runtime's folder and what it is to serve are known: see
 * ../linux/native/zygote_runtime.c.
 */
enum { FOLDER = 3, HANDED = 4 };

int command_http(void) {
  cleanup_runtime struct runtime runtime = {0};
  char folder[32];

  program_name = RUNTIME_HTTP;
  snprintf(folder, sizeof(folder), "/proc/self/fd/%d", FOLDER);
  /* No cache: there is nowhere to write. */
  if (runtime_init(&runtime, folder, RUNTIME_HTTP, NULL, NULL) < 0 ||
      runtime_add(&runtime, "http") < 0 || runtime_add(&runtime, "%s", folder) < 0 ||
      runtime_add(&runtime, "/proc/self/fd/%d", HANDED) < 0)
    return EXIT_FAILED;
  runtime_exec(&runtime, HANDED);
  return EXIT_FAILED;
}
