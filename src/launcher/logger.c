/*
 * Becomes a `binary://` logger, as of containerd's core/runtime/v2/logging: it reads a container's
 * stdout from descriptor 3 and its stderr from 4, both to their end, and closes 5 when it is ready.
 *
 * A FIFO that nobody writes to is at its end at once. So the supervisor holds the first two at
 * both ends from before it starts this until the container's monitor says `ready`: that holds them
 * from before then until the container's end.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "commands.h"
#include "flags.h"
#include "util.h"

enum { LOGGER_STDOUT = STDERR_FILENO + 1, LOGGER_STDERR, LOGGER_READY };

/* How long to wait for a reader of the ready FIFO, and how often to look for one. */
enum { READER_TIMEOUT_MS = 10000, READER_LOOK_MS = 5 };

static const char NAME[] = "denowasi-logger";

struct fifos {
  const char *out;
  const char *error;
  const char *ready;
};

/* The index of COMMAND in `argv`; -1, reported. */
static int parse_arguments(struct fifos *fifos, int argc, char *const *argv) {
  const struct flag flags[] = {
      {.name = "stdout", .text = &fifos->out},
      {.name = "stderr", .text = &fifos->error},
      {.name = "ready", .text = &fifos->ready},
  };
  const size_t count = sizeof(flags) / sizeof(flags[0]);
  for (size_t i = 0; i < count; i++) *flags[i].text = "";
  int next = flags_parse(flags, count, argc, argv);
  if (next < 0) return -1;
  for (size_t i = 0; i < count; i++) {
    const char *path = *flags[i].text;
    if (path[0] == '\0') return report("-%s: missing", flags[i].name);
    if (path[0] != '/') return report("-%s: not absolute: \"%s\"", flags[i].name, path);
  }
  if (next == argc) return report("COMMAND: missing after the flags");
  if (argv[next][0] != '/') return report("COMMAND: not absolute: \"%s\"", argv[next]);
  return next;
}

/*
 * Opens a FIFO without waiting for its other end, but for a reader for a while: what is said, and
 * closed, before there is one would never be known.
 */
static int open_fifo(const char *path, int access) {
  const struct timespec pause = {.tv_nsec = READER_LOOK_MS * 1000000L};
  int64_t deadline = monotonic_ms() + READER_TIMEOUT_MS;
  int fd;
  /* ENXIO: nobody reads. */
  while ((fd = open(path, access | O_NONBLOCK | O_NOCTTY)) < 0 && errno == ENXIO &&
         monotonic_ms() < deadline)
    nanosleep(&pause, NULL);
  return fd;
}

/* Makes `path`, a FIFO, the descriptor `target`, which is the lowest that is free. */
static int open_as(int target, const char *path, int access) {
  struct stat info;
  int fd = open_fifo(path, access);
  if (fd < 0 || fstat(fd, &info) < 0) return report("open %s: %m", path);
  if (!S_ISFIFO(info.st_mode)) return report("open %s: not a FIFO", path);
  if (fd != target) return report("open %s: descriptor %d instead of %d", path, fd, target);
  /* The logger waits for what comes. */
  return fcntl(fd, F_SETFL, access);
}

int command_logger(int argc, char *const *argv) {
  struct fifos fifos;

  program_name = NAME;
  int command = parse_arguments(&fifos, argc, argv);
  if (command < 0) return EXIT_USAGE;
  reset_signals();
  if (open_standard() < 0) return EXIT_FAILED;
  if (close_range(LOGGER_STDOUT, ~0U, 0) < 0) {
    report("close_range: %m");
    return EXIT_FAILED;
  }
  if (open_as(LOGGER_STDOUT, fifos.out, O_RDONLY) < 0 ||
      open_as(LOGGER_STDERR, fifos.error, O_RDONLY) < 0 ||
      open_as(LOGGER_READY, fifos.ready, O_WRONLY) < 0)
    return EXIT_FAILED;
  execv(argv[command], argv + command);
  report("exec %s: %m", argv[command]);
  return EXIT_FAILED;
}
