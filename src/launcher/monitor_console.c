/* The socket over which an OCI runtime hands out a terminal: runc's --console-socket. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor.h"
#include "socket.h"
#include "util.h"

int console_open(struct monitor *monitor) {
  const char *path = monitor->console_path;
  struct sockaddr_un address;
  cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || socket_address(&address, path) < 0 || (unlink(path) < 0 && errno != ENOENT) ||
      /* bind(2) takes the socket's mode over: nobody else may ever connect. */
      fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
      listen(fd, 1) < 0)
    return monitor_fail(monitor, (uint32_t)errno, "listen on %s", path);
  monitor->console = fd;
  monitor->console_listens = true;
  fd = -1;
  return 0;
}

/* Takes the one connection, if it is there. */
static bool accept_connection(struct monitor *monitor) {
  int fd = accept4(monitor->console, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return false;
  console_close(monitor);
  monitor->console = fd;
  return true;
}

void console_read(struct monitor *monitor) {
  /* runc sends the terminal's name, which is of no use here. */
  char name[256];
  int descriptor;
  if (monitor->console < 0) return;
  if (monitor->console_listens && !accept_connection(monitor)) return;
  ssize_t count = receive_descriptor(monitor->console, name, sizeof(name), &descriptor);
  if (count < 0 && errno == EAGAIN) return;
  console_close(monitor);
  if (descriptor >= 0)
    terminal_take(monitor, descriptor);
  else
    report("%s: console: no descriptor came", monitor->key);
}

void console_close(struct monitor *monitor) {
  if (monitor->console_listens) unlink(monitor->console_path);
  monitor->console_listens = false;
  close_now(&monitor->console);
}
