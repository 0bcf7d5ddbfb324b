/*
 * Paths of a guest, resolved below its root.
 *
 * openat2(2) with RESOLVE_IN_ROOT treats the root descriptor as "/": absolute symlinks and ".." stay
 * below it, and magic links are refused. A guest's path is never joined to a host path.
 */
#define _GNU_SOURCE
#include "native.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int open_in_root(int root, const char *path, uint64_t flags) {
  struct open_how how = {
      .flags = flags | O_CLOEXEC,
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  int fd;
  do {
    fd = (int)syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof how);
  } while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* EAGAIN: raced with a rename */
  return fd < 0 ? -errno : fd;
}

/* Where the link `name`, the end of `path` in the folder `parent`, leads: a path below the root again. */
static int read_link_in_root(int parent, const char *path, const char *name, char *next, size_t size) {
  char target[PATH_MAX];
  ssize_t length = readlinkat(parent, name, target, sizeof target - 1);
  if (length < 0) return -errno;
  target[length] = 0;
  int folder = target[0] == '/' ? 0 : (int)(name - path); /* its link's folder, with the slash */
  int written = snprintf(next, size, "%.*s%s", folder, path, target);
  return written < 0 || (size_t)written >= size ? -ENAMETOOLONG : 0;
}

/* As many links as the kernel follows in one path: path_resolution(7). */
enum { MAX_LINKS = 40 };

static int make_folders(int root, const char *path, mode_t mode, int links);

/* The folder that holds the end of `path`, and that end. */
static int make_parent(int root, const char *path, const char **name, int links) {
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  if (!**name) return -EINVAL; /* a trailing slash names no file */
  size_t size = slash ? (size_t)(slash - path) : 0;
  if (size >= sizeof parent) return -ENAMETOOLONG;
  memcpy(parent, path, size);
  parent[size] = 0;
  return make_folders(root, parent, 0755, links);
}

/* The folder `path`, made when it is missing. A link to what is missing leads there. */
static int make_folder(int root, const char *path, mode_t mode, int links) {
  int fd = open_in_root(root, path, O_PATH | O_DIRECTORY);
  if (fd != -ENOENT) return fd;
  if (links > MAX_LINKS) return -ELOOP;
  const char *name;
  cleanup_fd int parent = make_parent(root, path, &name, links);
  if (parent < 0) return parent;
  if (mkdirat(parent, name, mode) == 0) return open_in_root(root, path, O_PATH | O_DIRECTORY);
  if (errno != EEXIST) return -errno;
  char next[PATH_MAX];
  int failed = read_link_in_root(parent, path, name, next, sizeof next);
  if (failed == -EINVAL) return open_in_root(root, path, O_PATH | O_DIRECTORY); /* just made by another */
  return failed < 0 ? failed : make_folders(root, next, mode, links + 1);
}

static int make_folders(int root, const char *path, mode_t mode, int links) {
  char prefix[PATH_MAX];
  size_t size = strlen(path);
  if (size >= sizeof prefix) return -ENAMETOOLONG;
  while (size > 1 && path[size - 1] == '/') size--;
  memcpy(prefix, path, size);
  prefix[size] = 0;
  int fd = open_in_root(root, prefix, O_PATH | O_DIRECTORY);
  for (size_t i = 1; fd == -ENOENT && i < size; i++) {
    if (path[i] != '/' || path[i - 1] == '/') continue;
    prefix[i] = 0;
    cleanup_fd int folder = make_folder(root, prefix, mode, links);
    if (folder < 0) return folder;
    prefix[i] = '/';
  }
  return fd == -ENOENT ? make_folder(root, prefix, mode, links) : fd;
}

int make_folders_in_root(int root, const char *path, mode_t mode) {
  return make_folders(root, path, mode, 0);
}

int make_parent_in_root(int root, const char *path, const char **name) {
  return make_parent(root, path, name, 0);
}

int make_file_in_root(int root, const char *path) {
  char at[PATH_MAX], next[PATH_MAX];
  if (strlen(path) >= sizeof at) return -ENAMETOOLONG;
  strcpy(at, path);
  for (int links = 0; links <= MAX_LINKS; links++) {
    int fd = open_in_root(root, at, O_PATH);
    if (fd != -ENOENT) return fd;
    const char *name;
    cleanup_fd int parent = make_parent(root, at, &name, links);
    if (parent < 0) return parent;
    cleanup_fd int made = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (made >= 0) return open_in_root(root, at, O_PATH);
    if (errno != EEXIST) return -errno;
    try_step(read_link_in_root(parent, at, name, next, sizeof next));
    strcpy(at, next);
  }
  return -ELOOP;
}

/* The first `capacity` bytes at most of the regular file `path` below `root`. Count, or -errno. */
DW_EXPORT int64_t dw_read_in_root(const char *root, const char *path, uint8_t *buffer, uint64_t capacity) {
  cleanup_fd int base = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (base < 0) return -errno;
  cleanup_fd int file = open_in_root(base, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return file;
  struct stat info;
  try_call(fstat(file, &info));
  if (S_ISDIR(info.st_mode)) return -EISDIR;
  if (!S_ISREG(info.st_mode)) return -EACCES; /* a device or FIFO is no entry point */
  uint64_t total = 0;
  while (total < capacity) {
    ssize_t count = read(file, buffer + total, capacity - total);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) break;
    total += (uint64_t)count;
  }
  return (int64_t)total;
}
