#include "commands.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "places.h"
#include "runtime.h"
#include "unpack.h"
#include "util.h"

/* Exit status of a container whose own is not known: as if by SIGKILL. */
enum { UNKNOWN_STATUS = 137 };

static size_t put_varint(uint8_t *out, uint64_t value) {
  size_t length = 0;
  for (; value >= 0x80; value >>= 7) out[length++] = (uint8_t)(value | 0x80);
  out[length++] = (uint8_t)value;
  return length;
}

/*
 * Prints containerd.task.v2.DeleteResponse { exit_status = 2, exited_at = 3 } with exited_at
 * google.protobuf.Timestamp { seconds = 1, nanos = 2 }. A tag is field << 3 | type; type 0 is a
 * varint, 2 is length-delimited.
 */
static int print_response(void) {
  struct timespec now;
  uint8_t time[24], response[32];
  size_t time_length = 0, length = 0;

  clock_gettime(CLOCK_REALTIME, &now);
  time[time_length++] = 1 << 3;
  time_length += put_varint(time + time_length, (uint64_t)now.tv_sec);
  time[time_length++] = 2 << 3;
  time_length += put_varint(time + time_length, (uint64_t)now.tv_nsec);

  response[length++] = 2 << 3;
  length += put_varint(response + length, UNKNOWN_STATUS);
  response[length++] = 3 << 3 | 2;
  response[length++] = (uint8_t)time_length;
  for (size_t i = 0; i < time_length; i++) response[length++] = time[i];
  if (write_all(STDOUT_FILENO, response, length) < 0) return report("write DeleteResponse: %m");
  return 0;
}

/* Whether containerd's container has left no state; an error other than absence is not that. */
static bool nothing_left(const char *state) {
  struct stat status;
  return lstat(state, &status) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Becomes the runtime with an action of containerd's; returns only when it could not. */
static int become_runtime(const char *action, const struct options *options, const char *engine) {
  char folder[UNPACKED_PATH_SIZE];
  cleanup_runtime struct runtime runtime = {0};
  if (unpack(folder) < 0 || runtime_init_cached(&runtime, folder) < 0 ||
      runtime_add_action(&runtime, action, options, engine, folder) < 0)
    return EXIT_FAILED;
  runtime_exec(&runtime, STDERR_FILENO);
  return EXIT_FAILED;
}

int command_delete(const struct options *options, const char *engine) {
  cleanup_free char *state = format_string("%s/%s/%s", TASKS, options->namespace, options->id);
  if (state == NULL) return EXIT_FAILED;
  if (nothing_left(state)) return print_response() < 0 ? EXIT_FAILED : EXIT_SUCCESS;
  return become_runtime("delete", options, engine);
}

int command_info(const struct options *options, const char *engine) {
  return become_runtime("info", options, engine);
}
