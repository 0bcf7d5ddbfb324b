/*
 * Mounts by descriptor: open_tree(2), move_mount(2), fsmount(2), mount_setattr(2) (Linux 5.12).
 *
 * Called by number: C libraries older than 2.36 have no wrappers, and <sys/mount.h> quarrels with
 * <linux/mount.h> in some of the newer ones.
 */
#define _GNU_SOURCE
#include "native.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define MNT_DETACH 2 /* umount2(2) */

int clone_tree(const char *source, int recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  return (int)or_errno(syscall(SYS_open_tree, AT_FDCWD, source, flags));
}

int attach_tree(int tree, int target) {
  unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  return (int)or_errno(syscall(SYS_move_mount, tree, "", target, "", flags));
}

int set_mount_attributes(int fd, uint64_t ms_flags, uint64_t propagation) {
  static const struct {
    uint64_t ms, attribute;
  } table[] = {
      {MS_RDONLY, MOUNT_ATTR_RDONLY},         {MS_NOSUID, MOUNT_ATTR_NOSUID},
      {MS_NODEV, MOUNT_ATTR_NODEV},           {MS_NOEXEC, MOUNT_ATTR_NOEXEC},
      {MS_NODIRATIME, MOUNT_ATTR_NODIRATIME}, {MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
      {MS_NOATIME, MOUNT_ATTR_NOATIME},       {MS_STRICTATIME, MOUNT_ATTR_STRICTATIME},
  };
  struct mount_attr attributes = {.propagation = propagation & ~(uint64_t)MS_REC};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (ms_flags & table[i].ms) attributes.attr_set |= table[i].attribute;
  if (ms_flags & (MS_NOATIME | MS_STRICTATIME | MS_RELATIME))
    attributes.attr_clr |= MOUNT_ATTR__ATIME;
  if (!attributes.attr_set && !attributes.attr_clr && !attributes.propagation) return 0;
  unsigned flags = AT_EMPTY_PATH | (propagation & MS_REC ? AT_RECURSIVE : 0);
  if ((attributes.attr_set || attributes.attr_clr) && (flags & AT_RECURSIVE)) {
    /* attributes concern the top mount alone; only propagation is recursive */
    try_step(set_mount_attributes(fd, ms_flags, 0));
    attributes.attr_set = attributes.attr_clr = 0;
  }
  return (int)or_errno(syscall(SYS_mount_setattr, fd, "", flags, &attributes, sizeof attributes));
}

int make_read_only(int fd) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  unsigned flags = AT_EMPTY_PATH | AT_RECURSIVE;
  return (int)or_errno(syscall(SYS_mount_setattr, fd, "", flags, &attributes, sizeof attributes));
}

int mount_filesystem(const char *source, int target, const char *type, uint64_t ms_flags,
                     const char *data) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", target);
  return (int)or_errno(syscall(SYS_mount, source, path, type, ms_flags, data));
}

/* A new file system of `type`, its parameter `key` set when there is one; in no mount namespace. */
static int mount_new(const char *type, const char *key, const char *value, unsigned attributes) {
  cleanup_fd int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  if (context < 0) return -errno;
  if (key) try_call(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0));
  try_call(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  attributes |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  return (int)or_errno(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
}

int mount_detached(const char *type) { return mount_new(type, NULL, NULL, 0); }

int mount_empty_tmpfs(int target) {
  cleanup_fd int tree = mount_new("tmpfs", "size", "0", MOUNT_ATTR_RDONLY);
  if (tree < 0) return tree;
  return attach_tree(tree, target);
}

/* mount(2), then the flags that a bind mount takes only when remounted. */
static int mount_and_remount(const char *source, const char *target, const char *type,
                             uint64_t flags, const char *data) {
  try_call(syscall(SYS_mount, source, target, type, flags, data));
  const uint64_t extra = flags & ~(uint64_t)(MS_BIND | MS_REC);
  if (!(flags & MS_BIND) || !extra) return 0;
  if (syscall(SYS_mount, "none", target, NULL, MS_REMOUNT | MS_BIND | extra, NULL) == 0) return 0;
  int failed = -errno;
  syscall(SYS_umount2, target, MNT_DETACH);
  return failed;
}

/*
 * Mount one entry of a task's rootfs. mount(2) reads at most one page of `data`, so an overlay with many layers names
 * them relative to `folder`: with a `folder` that is not empty, a child process changes to it first
 * (the working directory belongs to all threads). 0 or -errno.
 */
DW_EXPORT int dw_mount(const char *source, const char *target, const char *type, uint64_t flags,
                       const char *data, const char *folder) {
  if (!*folder) return mount_and_remount(source, target, type, flags, data);
  pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) { /* only async-signal-safe calls: other threads may have held locks */
    int failed = chdir(folder) < 0 ? -errno : mount_and_remount(source, target, type, flags, data);
    _exit(-failed);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -errno;
  return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* Detach every mount at `target`, the topmost first. 0 (also when there is none) or -errno. */
DW_EXPORT int dw_unmount_all(const char *target) {
  for (;;) {
    if (syscall(SYS_umount2, target, MNT_DETACH | 8 /* UMOUNT_NOFOLLOW */) == 0) continue;
    return errno == EINVAL || errno == ENOENT ? 0 : -errno;
  }
}
