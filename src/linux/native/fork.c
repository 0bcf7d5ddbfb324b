/*
 * Making V8's memory survive fork(2).
 *
 * V8 marks what it maps MADV_DONTFORK; a child without those pages dies at its first step in
 * JavaScript. smaps shows the mark as "dc" in VmFlags (proc_pid_smaps(5)). Nothing may
 * allocate between the scan and the fork, or the new range is missed: the buffer is mapped once and
 * kept.
 */
#define _GNU_SOURCE
#include "native.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static struct {
  char *data;
  size_t capacity;
} scan;

/* The whole of /proc/self/smaps, NUL-terminated, in `scan`. Its size, or -errno. */
static ssize_t read_smaps(void) {
  cleanup_fd int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  size_t size = 0;
  for (;;) {
    if (size + 1 >= scan.capacity) return -E2BIG;
    ssize_t count = read(fd, scan.data + size, scan.capacity - 1 - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) break;
    size += (size_t)count;
  }
  scan.data[size] = 0;
  return (ssize_t)size;
}

static int grow_scan(void) {
  size_t capacity = scan.capacity ? scan.capacity * 2 : (size_t)4 << 20;
  void *data = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return -errno;
  if (scan.data) munmap(scan.data, scan.capacity);
  scan.data = data;
  scan.capacity = capacity;
  return 0;
}

int allow_fork_of_all_mappings(void) {
  if (!scan.data) try_step(grow_scan());
  ssize_t size;
  while ((size = read_smaps()) == -E2BIG) try_step(grow_scan());
  if (size < 0) return (int)size;
  unsigned long start = 0, end = 0;
  for (char *line = scan.data, *next; *line; line = next) {
    next = strchr(line, '\n');
    if (!next) break;
    *next++ = 0;
    if (strncmp(line, "VmFlags:", 8) != 0) {
      char *after;
      unsigned long first = strtoul(line, &after, 16);
      if (after != line && *after == '-') {
        start = first;
        end = strtoul(after + 1, NULL, 16);
      }
    } else if (strstr(line, " dc")) {
      try_call(madvise((void *)start, end - start, MADV_DOFORK));
    }
  }
  return 0;
}
