/* Sockets. Addresses are bytes of a struct sockaddr, 128 at most. */
#define _GNU_SOURCE
#include "system.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

DW_EXPORT int dw_sys_socket(int domain, int type, int protocol) {
  return (int)or_errno(socket(domain, type | SOCK_CLOEXEC, protocol));
}

DW_EXPORT int dw_sys_bind(int fd, const uint8_t *address, uint32_t size) {
  return (int)or_errno(bind(fd, (const struct sockaddr *)address, size));
}

DW_EXPORT int dw_sys_listen(int fd, int backlog) { return (int)or_errno(listen(fd, backlog)); }

/* accept4(2): `flags` is 0 or SOCK_NONBLOCK. `address`, of 128 bytes, may be null. */
DW_EXPORT int dw_sys_accept(int fd, int flags, uint8_t *address) {
  socklen_t size = sizeof(struct sockaddr_storage);
  return retry(accept4(fd, (struct sockaddr *)address, address ? &size : NULL, flags | SOCK_CLOEXEC));
}

DW_EXPORT int dw_sys_connect(int fd, const uint8_t *address, uint32_t size) {
  return (int)or_errno(connect(fd, (const struct sockaddr *)address, size));
}

/* sendto(2), without SIGPIPE. `address` may be null, its size 0. */
DW_EXPORT int dw_sys_send(int fd, const uint8_t *buffer, uint32_t at, uint32_t size, int flags,
                          const uint8_t *address, uint32_t address_size) {
  return retry(sendto(fd, buffer + at, size, flags | MSG_NOSIGNAL, (const struct sockaddr *)address, address_size));
}

/* recvfrom(2). `address`, of 128 bytes, may be null. */
DW_EXPORT int dw_sys_receive(int fd, uint8_t *buffer, uint32_t at, uint32_t size, int flags, uint8_t *address) {
  socklen_t address_size = sizeof(struct sockaddr_storage);
  return retry(
      recvfrom(fd, buffer + at, size, flags, (struct sockaddr *)address, address ? &address_size : NULL));
}

/* What a guest's vectors together may take of a message whose bytes are not taken from the socket at once. */
enum { MAX_PEEK = 1 << 20 };

/*
 * Receive into a guest's vectors (see gather) with `flags` MSG_PEEK and MSG_WAITALL. Through a buffer, because
 * recvmsg(2), which could take descriptors too, is not a guest's to call. Sets *truncated, a u32, when a datagram did
 * not fit.
 */
DW_EXPORT int dw_sys_receivev(int fd, uint8_t *memory, uint64_t size, uint32_t at, uint32_t count, int flags,
                              uint8_t *truncated) {
  struct iovec vectors[MAX_VECTORS];
  int found = gather(vectors, memory, size, at, count), type = 0;
  if (found < 0) return found;
  socklen_t type_size = sizeof type;
  try_call(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size));
  uint32_t was_cut = 0;
  size_t total = 0;
  for (int i = 0; i < found; i++) total += vectors[i].iov_len;
  if (total > MAX_PEEK && !(flags & MSG_WAITALL && type == SOCK_STREAM)) total = MAX_PEEK;
  if (total > INT_MAX) total = INT_MAX;
  cleanup_free uint8_t *whole = found == 1 ? NULL : malloc(total ? total : 1);
  uint8_t *into = found == 1 ? vectors->iov_base : whole;
  if (!into) return -ENOMEM;
  int is_stream = type == SOCK_STREAM;
  int got = retry(recv(fd, into, total, is_stream ? flags : flags | MSG_TRUNC)); /* then its real size */
  if (got < 0) return got;
  if ((size_t)got > total) {
    got = (int)total;
    was_cut = 1;
  }
  size_t left = (size_t)got;
  for (int i = 0; whole && i < found && left > 0; i++) {
    size_t part = left < vectors[i].iov_len ? left : vectors[i].iov_len;
    memcpy(vectors[i].iov_base, whole + (size_t)got - left, part);
    left -= part;
  }
  memcpy(truncated, &was_cut, sizeof was_cut);
  return got;
}

/* `how` is SHUT_RD, SHUT_WR or SHUT_RDWR. */
DW_EXPORT int dw_sys_shutdown(int fd, int how) { return (int)or_errno(shutdown(fd, how)); }

/* The size of the option's value. */
DW_EXPORT int dw_sys_getsockopt(int fd, int level, int option, uint8_t *value, uint32_t capacity) {
  socklen_t size = capacity;
  try_call(getsockopt(fd, level, option, value, &size));
  return (int)size;
}

DW_EXPORT int dw_sys_setsockopt(int fd, int level, int option, const uint8_t *value, uint32_t size) {
  return (int)or_errno(setsockopt(fd, level, option, value, size));
}

/* The size of the address, which may be more than `capacity`. */
DW_EXPORT int dw_sys_getsockname(int fd, uint8_t *address, uint32_t capacity) {
  socklen_t size = capacity;
  try_call(getsockname(fd, (struct sockaddr *)address, &size));
  return (int)size;
}

DW_EXPORT int dw_sys_getpeername(int fd, uint8_t *address, uint32_t capacity) {
  socklen_t size = capacity;
  try_call(getpeername(fd, (struct sockaddr *)address, &size));
  return (int)size;
}
