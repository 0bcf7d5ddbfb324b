/*
 * A listening TCP socket, for a guest that is given one: WASI preview 1 accepts and cannot listen. Nobody waits in accept,
 * as with wasmtime's: Go's runtime relies on it, which would stop with all its goroutines.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

enum { BACKLOG = 128 };

int listen_tcp(const char *address, uint16_t port) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  const struct sockaddr *name = (const struct sockaddr *)&four;
  socklen_t size = sizeof four;
  if (inet_pton(AF_INET, address, &four.sin_addr) != 1) {
    if (inet_pton(AF_INET6, address, &six.sin6_addr) != 1) return -EINVAL;
    name = (const struct sockaddr *)&six;
    size = sizeof six;
  }
  cleanup_fd int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  try_call(fd);
  int on = 1;
  try_call(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  try_call(bind(fd, name, size));
  try_call(listen(fd, BACKLOG));
  int result = fd;
  fd = -1;
  return result;
}

int do_listen(struct state *state, struct reader *reader) {
  const char *address = read_string(reader);
  uint64_t port = read_u64(reader), wanted = read_u64(reader);
  if (reader->failed || port > UINT16_MAX || wanted > INT_MAX) return -EBADMSG;
  snprintf(state->text, sizeof state->text, "%s %u", address, (unsigned)port); /* cut off */
  state->subject = state->text;
  cleanup_fd int fd = listen_tcp(address, (uint16_t)port);
  if (fd < 0) return fd;
  if (fd == (int)wanted || fcntl((int)wanted, F_GETFD) >= 0) return -EEXIST;
  return dup3(fd, (int)wanted, O_CLOEXEC) < 0 ? -errno : 0;
}

/* The descriptor of a socket that listens on a numeric IPv4 or IPv6 `address`, or -errno. */
DW_EXPORT int dw_listen(const char *address, uint32_t port) {
  return port > UINT16_MAX ? -EINVAL : listen_tcp(address, (uint16_t)port);
}
