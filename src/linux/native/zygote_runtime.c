/*
 * A program that needs an event loop and threads, which a fork has not: a runtime of its own that is exec'd inside of
 * the sandbox. Nothing of it comes from the guest's files or from its environment.
 */
#define _GNU_SOURCE
#include "zygote.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

/* The small launcher, which knows how the runtime is started. */
static const char LAUNCHER[] = "launcher";

static int write_field(int fd, const void *data, size_t size) {
  uint32_t prefix = (uint32_t)size;
  if (size > UINT32_MAX) return -EFBIG;
  try_step(write_all(fd, &prefix, sizeof prefix));
  try_step(write_all(fd, data, size));
  return write_all(fd, "", 1);
}

int hand_over(const struct request *request) {
  cleanup_fd int fd = (int)or_errno(memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (fd < 0) return fd;
  try_step(write_field(fd, request->guest.data, request->guest.size));
  try_step(write_field(fd, request->lock.data, request->lock.size));
  try_step(write_field(fd, request->memory_limit.data, request->memory_limit.size));
  try_step(write_field(fd, request->code, request->code_size));
  try_call(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
  int result = fd;
  fd = -1;
  return result;
}

int find_runtime(int folder) {
  struct statfs procfs;
  struct stat own, found;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d/%s", folder, LAUNCHER);
  try_call(statfs("/proc/self/fd", &procfs));
  if (procfs.f_type != PROC_SUPER_MAGIC) return -ENOENT;
  try_call(fstatat(folder, LAUNCHER, &own, AT_SYMLINK_NOFOLLOW));
  try_call(stat(path, &found));
  return own.st_dev == found.st_dev && own.st_ino == found.st_ino ? 0 : -ENOENT;
}

int exec_runtime(int folder, int handed) {
  char *arguments[] = {"launcher", "http", NULL}, *environment[] = {NULL};
  sigset_t ending;
  /* Process 1 drops what has no handler yet: it waits for the runtime's handlers instead. */
  ending_signals(&ending);
  sigprocmask(SIG_BLOCK, &ending, NULL);
  cleanup_fd int high = (int)or_errno(fcntl(handed, F_DUPFD, HANDED + 1));
  if (high < 0) return high;
  try_call(dup2(folder, FOLDER));
  try_call(dup2(high, HANDED));
  try_call(syscall(SYS_close_range, HANDED + 1, ~0U, 0));
  high = -1;
  syscall(SYS_execveat, FOLDER, LAUNCHER, arguments, environment, 0);
  return -errno;
}
