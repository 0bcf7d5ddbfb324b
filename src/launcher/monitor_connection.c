/* A monitor's connection to its supervisor. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>

#include "monitor.h"
#include "socket.h"
#include "util.h"

/* How long connecting or one send may take while the supervisor is busy. */
enum { SEND_TIMEOUT_MS = 10000 };
/* The same for connecting anew: a terminal is copied meanwhile. */
enum { RENEW_TIMEOUT_MS = 100 };
/* How often to try that. */
enum { RENEW_MS = 200 };

static void set_timeout(int fd, int timeout_ms) {
  const struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

static int connect_control(const char *path, int timeout_ms) {
  struct sockaddr_un address;
  if (socket_address(&address, path) < 0) return -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  /* The timeout counts for connect(2) too: a full backlog must not hold the monitor up. */
  set_timeout(fd, timeout_ms);
  int result;
  do result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
  while (result < 0 && errno == EINTR);
  if (result == 0) {
    set_timeout(fd, SEND_TIMEOUT_MS);
    return fd;
  }
  int cause = errno;
  close_now(&fd);
  errno = cause;
  return -1;
}

void connection_open(struct monitor *monitor) {
  monitor->control = connect_control(monitor->socket, SEND_TIMEOUT_MS);
  if (monitor->control < 0) report("%s: connect %s: %m", monitor->key, monitor->socket);
  monitor_send(monitor, "monitor %s\n", monitor->key);
}

static bool wants_connection(const struct monitor *monitor) {
  return monitor->control < 0 && monitor->started && !monitor->over;
}

void connection_wait(const struct monitor *monitor, struct turn *turn) {
  if (wants_connection(monitor)) turn_wake(turn, monitor->connect_ms);
}

void connection_renew(struct monitor *monitor) {
  int64_t now = monotonic_ms();
  if (!wants_connection(monitor) || now < monitor->connect_ms) return;
  monitor->connect_ms = now + RENEW_MS;
  monitor->control = connect_control(monitor->socket, RENEW_TIMEOUT_MS);
  monitor_send(monitor, "monitor %s\n", monitor->key);
  if (monitor->ready) monitor_send(monitor, "ready %d\n", monitor->process);
  memory_look(monitor);
}

void monitor_send(struct monitor *monitor, const char *format, ...) {
  char line[MONITOR_STEP_SIZE + 128];
  if (monitor->control < 0) return;
  va_list arguments;
  va_start(arguments, format);
  int wanted = vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  int length = wanted < (int)sizeof(line) ? wanted : (int)sizeof(line) - 1;
  for (int sent = 0; sent < length;) {
    ssize_t count = send(monitor->control, line + sent, (size_t)(length - sent), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      connection_lose(monitor);
      return;
    }
    sent += (int)count;
  }
}

void connection_lose(struct monitor *monitor) {
  close_now(&monitor->control);
  monitor->command_length = 0;
}

void connection_close(struct monitor *monitor) {
  char rest[64];
  if (monitor->control < 0) return;
  /*
   * Closing with a command unread would reset the connection: refuse further ones, take
   * what has come, then close.
   */
  shutdown(monitor->control, SHUT_RD);
  while (recv(monitor->control, rest, sizeof(rest), MSG_DONTWAIT) > 0)
    ;
  close_now(&monitor->control);
}
