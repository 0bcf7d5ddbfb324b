/* Calls on paths below a folder. Each takes the folder's descriptor, the path as base, offset and size, and `how`. */
#define _GNU_SOURCE
#include "system.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A path as parameters. */
#define PATH(name) const uint8_t *name, uint32_t name##_at, uint32_t name##_size

#define take(path, name)                                                                           \
  struct guest_path path;                                                                                \
  try_step(take_path(&path, name + name##_at, name##_size))

/* The folder of `path`, its end in `name`. */
#define take_parent(parent, end, folder, path, how)                                                \
  const char *end;                                                                                 \
  cleanup_fd int parent##_opened = -1;                                                             \
  int parent = open_parent_below(folder, &path, how, &end, &parent##_opened);                      \
  if (parent < 0) return parent

/* A folder of the host itself, which may be any: no path below another. */
DW_EXPORT int dw_sys_open_host(const char *path, int flags) {
  return (int)or_errno(open(path, flags | O_CLOEXEC | O_NOCTTY));
}

/* open(2). `flags` are O_*; O_CLOEXEC and O_NOCTTY are added. */
DW_EXPORT int dw_sys_open(int folder, PATH(name), int flags, uint32_t mode, uint32_t how) {
  take(path, name);
  return open_below(folder, path.text, flags | (flags & O_PATH ? 0 : O_NOCTTY), (mode_t)mode, how);
}

static uint64_t to_ns(struct timespec time) {
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Eight u64: device, inode, mode, links, size, and the times of access, modification and change in ns. */
static int put_stat(const struct stat *info, uint8_t *out) {
  const uint64_t fields[] = {
      info->st_dev,          info->st_ino,          info->st_mode,         info->st_nlink,
      (uint64_t)info->st_size, to_ns(info->st_atim), to_ns(info->st_mtim), to_ns(info->st_ctim),
  };
  memcpy(out, fields, sizeof fields);
  return 0;
}

DW_EXPORT int dw_sys_fstat(int fd, uint8_t *out, uint32_t out_at) {
  struct stat info;
  try_call(fstat(fd, &info));
  return put_stat(&info, out + out_at);
}

DW_EXPORT int dw_sys_stat(int folder, PATH(name), uint32_t how, uint8_t *out, uint32_t out_at) {
  take(path, name);
  struct stat info;
  if (!ends_indirectly(&path)) {
    take_parent(parent, end, folder, path, how);
    try_call(fstatat(parent, end, &info, AT_SYMLINK_NOFOLLOW));
    if (!S_ISLNK(info.st_mode) || !(how & FOLLOW)) return put_stat(&info, out + out_at);
  }
  cleanup_fd int fd = open_below(folder, path.text, O_PATH, 0, how);
  if (fd < 0) return fd;
  return dw_sys_fstat(fd, out, out_at);
}

DW_EXPORT int dw_sys_mkdir(int folder, PATH(name), uint32_t mode, uint32_t how) {
  take(path, name);
  take_parent(parent, end, folder, path, how);
  return (int)or_errno(mkdirat(parent, end, (mode_t)mode));
}

/* unlinkat(2): `flags` is 0 or AT_REMOVEDIR. */
DW_EXPORT int dw_sys_unlink(int folder, PATH(name), int flags, uint32_t how) {
  take(path, name);
  take_parent(parent, end, folder, path, how);
  return (int)or_errno(unlinkat(parent, end, flags));
}

DW_EXPORT int dw_sys_rename(int old_folder, PATH(old), uint32_t old_how, int new_folder, PATH(new),
                            uint32_t new_how) {
  take(from, old);
  take(to, new);
  take_parent(from_parent, from_end, old_folder, from, old_how);
  take_parent(to_parent, to_end, new_folder, to, new_how);
  return (int)or_errno(renameat(from_parent, from_end, to_parent, to_end));
}

/* A hard link, of a symbolic link itself when `old` is one. */
DW_EXPORT int dw_sys_link(int old_folder, PATH(old), uint32_t old_how, int new_folder, PATH(new),
                          uint32_t new_how) {
  take(from, old);
  take(to, new);
  if (ends_indirectly(&from)) { /* the kernel would follow it */
    cleanup_fd int fd = open_below(old_folder, from.text, O_PATH | O_DIRECTORY, 0, old_how | FOLLOW);
    return fd < 0 ? fd : -EPERM;
  }
  take_parent(from_parent, from_end, old_folder, from, old_how);
  take_parent(to_parent, to_end, new_folder, to, new_how);
  return (int)or_errno(linkat(from_parent, from_end, to_parent, to_end, 0));
}

/* `target` is what the link says, relative or absolute. */
DW_EXPORT int dw_sys_symlink(PATH(target), int folder, PATH(name), uint32_t how) {
  char text[PATH_MAX];
  if (target_size >= sizeof text) return -ENAMETOOLONG;
  if (memchr(target + target_at, 0, target_size)) return -EINVAL;
  memcpy(text, target + target_at, target_size);
  text[target_size] = 0;
  take(path, name);
  take_parent(parent, end, folder, path, how);
  if (symlinkat(text, parent, end) == 0) return 0;
  if (errno != EEXIST || path.text[path.size - 1] != '/') return -errno;
  /* Something is there: the kernel has not looked whether it is a folder, as the slash says. */
  cleanup_fd int fd = open_below(folder, path.text, O_PATH, 0, how);
  return fd < 0 ? fd : -EEXIST;
}

/* The first `capacity` bytes at most of what the link says. Their count. */
DW_EXPORT int dw_sys_readlink(int folder, PATH(name), uint32_t how, uint8_t *out, uint32_t out_at,
                              uint32_t capacity) {
  take(path, name);
  if (ends_indirectly(&path)) {
    cleanup_fd int fd = open_below(folder, path.text, O_PATH, 0, how | FOLLOW);
    return fd < 0 ? fd : -EINVAL;
  }
  take_parent(parent, end, folder, path, how);
  char text[PATH_MAX];
  ssize_t size = readlinkat(parent, end, text, sizeof text);
  if (size < 0) return -errno;
  if ((size_t)size > capacity) size = capacity;
  memcpy(out + out_at, text, (size_t)size);
  return (int)size;
}

/* What to do to the two times: fstflags of WASI. */
enum { ATIM = 1, ATIM_NOW = 2, MTIM = 4, MTIM_NOW = 8 };

static int put_times(struct timespec times[2], uint64_t accessed_ns, uint64_t modified_ns, uint32_t which) {
  const uint32_t both_a = ATIM | ATIM_NOW, both_m = MTIM | MTIM_NOW;
  if ((which & both_a) == both_a || (which & both_m) == both_m || which > 15) return -EINVAL;
  const uint64_t values[2] = {accessed_ns, modified_ns};
  for (int i = 0; i < 2; i++, which >>= 2) {
    times[i].tv_sec = (time_t)(values[i] / 1000000000u);
    times[i].tv_nsec = which & ATIM ? (long)(values[i] % 1000000000u) : which & ATIM_NOW ? UTIME_NOW : UTIME_OMIT;
  }
  return 0;
}

static int set_times_of(int fd, const struct timespec times[2]) {
  if (utimensat(fd, "", times, AT_EMPTY_PATH) == 0) return 0;
  if (errno != EINVAL) return -errno;
  char link[32]; /* before Linux 5.8 */
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  return (int)or_errno(utimensat(AT_FDCWD, link, times, 0));
}

/* Set times in ns since 1970 UTC, or to now, as `which` says. */
DW_EXPORT int dw_sys_utimens(int folder, PATH(name), uint32_t how, uint64_t accessed_ns, uint64_t modified_ns,
                             uint32_t which) {
  take(path, name);
  struct timespec times[2];
  try_step(put_times(times, accessed_ns, modified_ns, which));
  if (!(how & FOLLOW) && !ends_indirectly(&path)) {
    take_parent(parent, end, folder, path, how);
    return (int)or_errno(utimensat(parent, end, times, AT_SYMLINK_NOFOLLOW));
  }
  cleanup_fd int fd = open_below(folder, path.text, O_PATH, 0, how);
  return fd < 0 ? fd : set_times_of(fd, times);
}

DW_EXPORT int dw_sys_futimens(int fd, uint64_t accessed_ns, uint64_t modified_ns, uint32_t which) {
  struct timespec times[2];
  try_step(put_times(times, accessed_ns, modified_ns, which));
  return (int)or_errno(futimens(fd, times));
}
