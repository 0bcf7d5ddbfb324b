#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *program_name = "denowasi";

int report(const char *format, ...) {
  char line[2048];
  /* Before snprintf(3), which may change errno: %m below must be the caller's. */
  int cause = errno;
  int used = snprintf(line, sizeof(line) / 2, "%.200s: ", program_name);

  va_list arguments;
  va_start(arguments, format);
  errno = cause;
  int wanted = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, arguments);
  va_end(arguments);

  size_t length = wanted < 0 ? (size_t)used : strlen(line);
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) line[i] = '?';
  line[length++] = '\n';
  /* Nobody is left to be told when stderr cannot be written. */
  (void)write_all(STDERR_FILENO, line, length);
  return -1;
}

int write_all(int fd, const void *data, size_t length) {
  const char *next = data;
  while (length > 0) {
    ssize_t count = write(fd, next, length);
    if (count < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    next += count;
    length -= (size_t)count;
  }
  return 0;
}

ssize_t read_some(int fd, void *data, size_t length) {
  ssize_t count;
  do count = read(fd, data, length);
  while (count < 0 && errno == EINTR);
  return count;
}

bool readable(int fd) {
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  return poll(&poller, 1, 0) > 0;
}

void reset_signals(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

int open_standard(void) {
  int fd = open("/dev/null", O_RDWR);
  if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
      (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(fd, STDERR_FILENO) < 0))
    return report("open /dev/null: %m");
  if (fd > STDERR_FILENO) close(fd);
  return 0;
}

int64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *format_string(const char *format, ...) {
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  if (vasprintf(&text, format, arguments) < 0) text = NULL;
  va_end(arguments);
  if (text == NULL) report("memory: %s", strerror(ENOMEM));
  return text;
}

bool parse_number(const char *text, long least, long most, long *number) {
  if (text[0] < '0' || text[0] > '9') return false;
  char *end;
  errno = 0;
  *number = strtol(text, &end, 10);
  return errno == 0 && *end == '\0' && *number >= least && *number <= most;
}
