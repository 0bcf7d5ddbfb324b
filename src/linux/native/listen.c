/* A listening TCP socket, for a guest that is given one: WASI preview 1 accepts and cannot listen. */
#define _GNU_SOURCE
#include "native.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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
  cleanup_fd int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  try_call(fd);
  int on = 1;
  try_call(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  try_call(bind(fd, name, size));
  try_call(listen(fd, BACKLOG));
  int result = fd;
  fd = -1;
  return result;
}

/* The descriptor of a socket that listens on a numeric IPv4 or IPv6 `address`, or -errno. */
DW_EXPORT int dw_listen(const char *address, uint32_t port) {
  return port > UINT16_MAX ? -EINVAL : listen_tcp(address, (uint16_t)port);
}
