#include "line.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "util.h"

ssize_t read_line(int fd, char *line, size_t size, int64_t deadline) {
  size_t length = 0;
  while (length < size - 1) {
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    int64_t left = deadline - monotonic_ms();
    int ready = left <= 0 ? 0 : poll(&poller, 1, (int)left);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) errno = ETIMEDOUT;
    if (ready <= 0) return -1;
    ssize_t count = read_some(fd, line + length, size - 1 - length);
    if (count <= 0) return count;
    length += (size_t)count;
    line[length] = '\0';
    char *newline = strchr(line, '\n');
    if (newline != NULL) {
      *newline = '\0';
      return newline - line;
    }
  }
  return (ssize_t)length;
}
