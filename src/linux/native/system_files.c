/* Calls on descriptors: bytes, positions, flags. */
#define _GNU_SOURCE
#include "system.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

DW_EXPORT int dw_sys_read(int fd, uint8_t *buffer, uint32_t at, uint32_t size) {
  return retry(read(fd, buffer + at, size));
}

DW_EXPORT int dw_sys_write(int fd, const uint8_t *buffer, uint32_t at, uint32_t size) {
  return retry(write(fd, buffer + at, size));
}

DW_EXPORT int dw_sys_pread(int fd, uint8_t *buffer, uint32_t at, uint32_t size, int64_t offset) {
  return retry(pread(fd, buffer + at, size, offset));
}

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

/* At `offset` even when the descriptor appends, which POSIX wants and Linux can since 6.9: pwritev2(2). */
static ssize_t write_at(int fd, const struct iovec *vectors, int count, int64_t offset) {
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && flags & O_APPEND) {
    ssize_t size = pwritev2(fd, vectors, count, offset, RWF_NOAPPEND);
    if (size >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) return size;
  }
  return pwritev(fd, vectors, count, offset);
}

DW_EXPORT int dw_sys_pwrite(int fd, uint8_t *buffer, uint32_t at, uint32_t size, int64_t offset) {
  struct iovec vector = {.iov_base = buffer + at, .iov_len = size};
  return retry(write_at(fd, &vector, 1, offset));
}

int gather(struct iovec *vectors, uint8_t *memory, uint64_t size, uint32_t at, uint32_t count) {
  if (at + (uint64_t)count * 8 > size) return -EFAULT;
  int found = 0;
  for (const uint8_t *next = memory + at; count > 0 && found < MAX_VECTORS; count--, next += 8) {
    uint32_t vector[2]; /* address and size, little-endian as this machine is */
    memcpy(vector, next, sizeof vector);
    if (vector[0] + (uint64_t)vector[1] > size) return -EFAULT;
    if (vector[1] == 0) continue;
    vectors[found++] = (struct iovec){.iov_base = memory + vector[0], .iov_len = vector[1]};
  }
  return found;
}

#define take_vectors(vectors, found)                                                               \
  struct iovec vectors[MAX_VECTORS];                                                               \
  int found = gather(vectors, memory, size, at, count);                                            \
  if (found < 0) return found

/* The parameters of a guest's vectors: its memory, the size of it, where they are and how many. */
#define VECTORS uint8_t *memory, uint64_t size, uint32_t at, uint32_t count

DW_EXPORT int dw_sys_readv(int fd, VECTORS) {
  take_vectors(vectors, found);
  if (found == 1) return retry(read(fd, vectors->iov_base, vectors->iov_len));
  return retry(readv(fd, vectors, found));
}

DW_EXPORT int dw_sys_writev(int fd, VECTORS) {
  take_vectors(vectors, found);
  if (found == 1) return retry(write(fd, vectors->iov_base, vectors->iov_len));
  return retry(writev(fd, vectors, found));
}

DW_EXPORT int dw_sys_preadv(int fd, VECTORS, int64_t offset) {
  take_vectors(vectors, found);
  return retry(preadv(fd, vectors, found, offset));
}

DW_EXPORT int dw_sys_pwritev(int fd, VECTORS, int64_t offset) {
  take_vectors(vectors, found);
  return retry(write_at(fd, vectors, found, offset));
}

/* lseek(2); `whence` is SEEK_SET, SEEK_CUR or SEEK_END. */
DW_EXPORT int64_t dw_sys_seek(int fd, int64_t offset, int whence) {
  return or_errno((int64_t)lseek(fd, offset, whence));
}

DW_EXPORT int dw_sys_truncate(int fd, int64_t size) { return (int)or_errno(ftruncate(fd, size)); }

DW_EXPORT int dw_sys_allocate(int fd, int64_t offset, int64_t size) {
  return retry(fallocate(fd, 0, offset, size));
}

/* `advice` is POSIX_FADV_*. */
DW_EXPORT int dw_sys_advise(int fd, int64_t offset, int64_t size, int advice) {
  return -posix_fadvise(fd, offset, size, advice);
}

DW_EXPORT int dw_sys_sync(int fd) { return (int)or_errno(fsync(fd)); }
DW_EXPORT int dw_sys_datasync(int fd) { return (int)or_errno(fdatasync(fd)); }

/* O_* of the descriptor, and setting those of them that can be: fcntl(2) F_GETFL, F_SETFL. */
DW_EXPORT int dw_sys_get_flags(int fd) { return (int)or_errno(fcntl(fd, F_GETFL)); }
DW_EXPORT int dw_sys_set_flags(int fd, int flags) { return (int)or_errno(fcntl(fd, F_SETFL, flags)); }

DW_EXPORT int dw_sys_dup(int fd) { return (int)or_errno(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

/* Not tried again after EINTR: the descriptor is gone, close(2). */
DW_EXPORT int dw_sys_close(int fd) { return (int)or_errno(close(fd)); }

/* Close `fd`, but keep its number from being given again: it becomes one that can neither be read nor written. */
DW_EXPORT int dw_sys_vacate(int fd) {
  cleanup_fd int nothing = open("/", O_PATH | O_CLOEXEC);
  if (nothing < 0) return dw_sys_close(fd);
  return dup3(nothing, fd, O_CLOEXEC) < 0 ? -errno : 0;
}

/* 1 or 0. */
DW_EXPORT int dw_sys_isatty(int fd) { return isatty(fd); }

/* How many bytes can be read at once. */
DW_EXPORT int dw_sys_available(int fd) {
  int count = 0;
  try_call(ioctl(fd, FIONREAD, &count));
  return count;
}

/* getrandom(2) for all of it. */
DW_EXPORT int dw_sys_random(uint8_t *buffer, uint32_t at, uint32_t size) {
  uint8_t *next = buffer + at;
  while (size > 0) {
    ssize_t count = syscall(SYS_getrandom, next, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    next += count;
    size -= (uint32_t)count;
  }
  return 0;
}
