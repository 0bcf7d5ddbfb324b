/* Operations of a plan on files of the host and of procfs. */
#define _GNU_SOURCE
#include "plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int write_file(int fd, struct bytes data) {
  return (int)or_errno(write(fd, data.data, data.size)); /* kernel files take one write */
}

int do_open(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  int flags = (int)read_u64(reader);
  mode_t mode = (mode_t)read_u64(reader);
  int wanted = (int)read_u64(reader);
  int fd = open(path, flags | O_NOCTTY | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  if (fd == wanted) return (int)or_errno(fcntl(fd, F_SETFD, 0));
  cleanup_fd int opened = fd;
  return (int)or_errno(dup2(opened, wanted));
}

int do_write(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  struct bytes data = read_bytes(reader);
  int optional = read_u64(reader) != 0;
  cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return optional && errno == ENOENT ? 0 : -errno;
  return write_file(fd, data);
}

/*
 * Write to a file of procfs, through a mount of its own that is nowhere attached: what the image or a volume has put
 * at /proc does not matter, nor that the guest's is read-only.
 */
static int write_proc(const char *path, struct bytes data) {
  cleanup_fd int proc = mount_detached("proc");
  if (proc < 0) return proc;
  cleanup_fd int fd = open_in_root(proc, path, O_WRONLY);
  if (fd < 0) return fd;
  return write_file(fd, data);
}

int do_sysctl(struct state *state, struct reader *reader) {
  const char *name = state->subject = read_string(reader);
  struct bytes data = read_bytes(reader);
  char path[512];
  int size = snprintf(path, sizeof path, "sys/%s", name);
  if (size < 0 || (size_t)size >= sizeof path) return -ENAMETOOLONG;
  if (!strchr(name, '/'))
    for (char *dot = path + strlen("sys/"); (dot = strchr(dot, '.')); dot++) *dot = '/';
  return write_proc(path, data);
}

int do_label(struct state *state, struct reader *reader) {
  const char *attribute = state->subject = read_string(reader);
  struct bytes data = read_bytes(reader);
  char path[512];
  int size = snprintf(path, sizeof path, "self/attr/%s", attribute);
  if (size < 0 || (size_t)size >= sizeof path) return -ENAMETOOLONG;
  return write_proc(path, data);
}
