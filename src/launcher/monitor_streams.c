/* The standard streams of a process: FIFOs that are held, and the ends of a terminal's copy. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "monitor.h"
#include "util.h"

static int fail_to_open(struct monitor *monitor, const char *path) {
  return monitor_fail(monitor, (uint32_t)errno, "open %s", path);
}

/* Opens `path` at both ends if it is a FIFO; -1, failed. */
static int hold(struct monitor *monitor, enum stream stream) {
  const char *path = monitor->streams[stream];
  struct stat info;
  if (path[0] == '\0') return 0;
  if (stat(path, &info) < 0) {
    /* A file for output is made when it is opened. */
    if (errno == ENOENT && stream != STREAM_IN) return 0;
    return fail_to_open(monitor, path);
  }
  if (!S_ISFIFO(info.st_mode)) return 0;
  int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return fail_to_open(monitor, path);
  monitor->held[stream] = fd;
  return 0;
}

int streams_open_one(struct monitor *monitor, enum stream stream, bool blocking) {
  /* Not to wait: a FIFO is held already, a device is not to be waited for. */
  const int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const char *path = monitor->streams[stream];
  if (path[0] == '\0' || (blocking && monitor->has_terminal)) path = "/dev/null";
  int fd = stream == STREAM_IN ? open(path, O_RDONLY | flags)
                               : open(path, O_WRONLY | O_APPEND | O_CREAT | flags, 0644);
  if (fd < 0) return fail_to_open(monitor, path);
  if (blocking) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return fd;
}

int streams_open(struct monitor *monitor) {
  struct terminal *terminal = &monitor->terminal;
  for (enum stream stream = STREAM_IN; stream < STREAMS; stream++)
    if (hold(monitor, stream) < 0) return -1;
  if (!monitor->has_terminal) return 0;
  if (monitor->streams[STREAM_IN][0] != '\0' &&
      (terminal->input = streams_open_one(monitor, STREAM_IN, false)) < 0)
    return -1;
  if (monitor->streams[STREAM_OUT][0] != '\0' &&
      (terminal->output = streams_open_one(monitor, STREAM_OUT, false)) < 0)
    return -1;
  return 0;
}

void streams_close_stdin(struct monitor *monitor) {
  monitor->stdin_over = true;
  if (monitor->ready) close_now(&monitor->held[STREAM_IN]);
}

void streams_release(struct monitor *monitor) {
  for (enum stream stream = STREAM_IN; stream < STREAMS; stream++)
    close_now(&monitor->held[stream]);
  close_now(&monitor->terminal.input);
  close_now(&monitor->terminal.output);
}
