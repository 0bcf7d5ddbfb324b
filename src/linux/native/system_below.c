/*
 * Paths that cannot leave a folder.
 *
 * openat2(2) resolves them in the kernel. Where it is missing (before Linux 5.6) or refused (a seccomp profile that
 * does not know it), the path is walked here one component at a time, each opened with O_NOFOLLOW and links expanded
 * by hand. ".." never climbs: the walk begins again from the folder, so that a rename meanwhile cannot carry it
 * outside.
 */
#define _GNU_SOURCE
#include "system.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum {
  MAX_LINKS = 40,   /* as many as the kernel follows in one path: path_resolution(7) */
  MAX_RETRIES = 64, /* of openat2, which gives up when anything is renamed meanwhile */
  GOES_ON = 1 << 30, /* what no descriptor is: the walk is not at its end */
};

/* Set when openat2 cannot be used. It is found out by use: a filter may come after the fork. */
static int without_openat2;

static int call_openat2(int folder, const char *path, int flags, mode_t mode, uint32_t how) {
#ifdef DENOWASI_NO_OPENAT2
  (void)folder, (void)path, (void)flags, (void)mode, (void)how;
  return -ENOSYS;
#else
  struct open_how request = {
      .flags = (uint64_t)(unsigned)flags,
      .mode = flags & O_CREAT ? mode : 0,
      .resolve = RESOLVE_NO_MAGICLINKS | (how & IN_ROOT ? RESOLVE_IN_ROOT : RESOLVE_BENEATH),
  };
  int fd = -EAGAIN;
  for (int i = 0; i < MAX_RETRIES && (fd == -EAGAIN || fd == -EINTR); i++)
    fd = (int)or_errno(syscall(SYS_openat2, folder, path, &request, sizeof request));
  return fd == -EXDEV ? -EPERM : fd;
#endif
}

/* Whether the call itself is refused, rather than the file. */
static int openat2_fails(int folder) {
  cleanup_fd int fd = call_openat2(folder, ".", O_PATH | O_CLOEXEC, 0, 0);
  return fd == -ENOSYS || fd == -EPERM;
}

struct walk {
  int folder;          /* where it begins */
  int at;              /* where it is; the folder, or `opened` */
  int opened;          /* -1: none */
  uint32_t how;
  int links;
  char done[PATH_MAX]; /* names from `folder` to `at`, each after a slash */
  char rest[PATH_MAX];
};

static void begin_again(struct walk *walk) {
  dw_close_fd(&walk->opened);
  walk->opened = -1;
  walk->at = walk->folder;
  walk->done[0] = 0;
}

/* rest = first + second; either may lie in what is replaced. */
static int set_rest(struct walk *walk, const char *first, const char *second) {
  char text[PATH_MAX];
  int size = snprintf(text, sizeof text, "%s%s", first, second);
  if (size < 0 || (size_t)size >= sizeof text) return -ENAMETOOLONG;
  memcpy(walk->rest, text, (size_t)size + 1);
  return 0;
}

/* Go up by one, then on with `after`. */
static int climb(struct walk *walk, const char *after) {
  char *last = strrchr(walk->done, '/');
  if (!last) return walk->how & IN_ROOT ? set_rest(walk, ".", after) : -EPERM;
  *last = 0;
  /* Past the leading slash; nothing left of it is the folder itself. */
  try_step(set_rest(walk, walk->done[0] ? walk->done + 1 : ".", after));
  begin_again(walk);
  return 0;
}

/* Go where the link `name` leads, then on with `after`. -EINVAL: it is none. */
static int follow(struct walk *walk, int at, const char *name, const char *after) {
  char target[PATH_MAX];
  ssize_t size = readlinkat(at, name, target, sizeof target - 1);
  if (size < 0) return -errno;
  if (size == 0) return -ENOENT;
  if (++walk->links > MAX_LINKS) return -ELOOP;
  target[size] = 0;
  if (target[0] == '/') {
    if (!(walk->how & IN_ROOT)) return -EPERM;
    begin_again(walk);
  }
  return set_rest(walk, target, after);
}

/* Into the folder `name`, or along the link. */
static int descend(struct walk *walk, const char *name, const char *after) {
  cleanup_fd int fd = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct stat info;
  try_call(fstat(fd, &info));
  if (S_ISLNK(info.st_mode)) return follow(walk, fd, "", after);
  if (!S_ISDIR(info.st_mode)) return -ENOTDIR;
  size_t done = strlen(walk->done);
  if (done + 1 + strlen(name) >= sizeof walk->done) return -ENAMETOOLONG;
  walk->done[done] = '/';
  strcpy(walk->done + done + 1, name);
  try_step(set_rest(walk, after, ""));
  dw_close_fd(&walk->opened);
  walk->at = walk->opened = fd;
  fd = -1;
  return 0;
}

/* Open the end of the path. GOES_ON: it was a link. */
static int open_end(struct walk *walk, const char *name, const char *after, int flags, mode_t mode) {
  int slash = *after != 0;
  if (slash && flags & O_CREAT) return -EISDIR;
  int follows = slash || (walk->how & FOLLOW && !(flags & O_EXCL && flags & O_CREAT));
  cleanup_fd int fd =
      openat(walk->at, name, flags | O_NOFOLLOW | (slash && !(flags & O_PATH) ? O_DIRECTORY : 0), mode);
  int failed = fd < 0 ? -errno : 0;
  int maybe_link = failed == -ELOOP || failed == -ENOTDIR;
  struct stat info;
  if (fd >= 0 && flags & O_PATH && !(flags & O_DIRECTORY)) {
    try_call(fstat(fd, &info));
    maybe_link = S_ISLNK(info.st_mode);
    if (slash && !maybe_link && !S_ISDIR(info.st_mode)) return -ENOTDIR;
  }
  if (maybe_link && follows) {
    int result = follow(walk, walk->at, name, after);
    if (result != -EINVAL) return result < 0 ? result : GOES_ON;
  }
  int result = failed < 0 ? failed : fd;
  fd = -1;
  return result;
}

static int walk_below(int folder, const char *path, int flags, mode_t mode, uint32_t how) {
  struct walk walk = {.folder = folder, .at = folder, .opened = -1, .how = how};
  try_step(set_rest(&walk, path, ""));
  int result = GOES_ON;
  while (result == GOES_ON) {
    char name[NAME_MAX + 1];
    const char *begin = walk.rest + strspn(walk.rest, "/");
    size_t size = strcspn(begin, "/");
    if (size > NAME_MAX) {
      result = -ENAMETOOLONG;
      break;
    }
    memcpy(name, begin, size);
    name[size] = 0;
    const char *after = begin + size;
    int last = after[strspn(after, "/")] == 0, failed;
    if (strcmp(name, "..") == 0) failed = climb(&walk, last ? "/." : after); /* an end, but no name */
    else if (size == 0 || (last && strcmp(name, ".") == 0)) {
      result = (int)or_errno(openat(walk.at, ".", flags | O_NOFOLLOW, mode));
      break;
    } else if (strcmp(name, ".") == 0) failed = set_rest(&walk, after, "");
    else if (last) {
      result = open_end(&walk, name, after, flags, mode);
      continue;
    } else failed = descend(&walk, name, after);
    if (failed < 0) result = failed;
  }
  dw_close_fd(&walk.opened);
  return result;
}

int open_below(int folder, const char *path, int flags, mode_t mode, uint32_t how) {
  flags |= O_CLOEXEC | (how & FOLLOW ? 0 : O_NOFOLLOW);
  if (!without_openat2) {
    int fd = call_openat2(folder, path, flags, mode, how);
    if (fd != -ENOSYS && fd != -EPERM && fd != -EAGAIN) return fd;
    if (fd == -EPERM && !openat2_fails(folder)) return fd;
    without_openat2 = fd != -EAGAIN;
  }
  return walk_below(folder, path, flags, mode, how);
}

int open_parent_below(int folder, const struct guest_path *path, uint32_t how, const char **name, int *opened) {
  size_t end = path->size;
  while (end > 0 && path->text[end - 1] == '/') end--;
  while (end > 0 && path->text[end - 1] != '/') end--;
  *name = path->text + end;
  *opened = -1;
  if (end == 0) return folder;
  char parent[PATH_MAX];
  memcpy(parent, path->text, end);
  parent[end] = 0;
  return *opened = open_below(folder, parent, O_PATH | O_DIRECTORY, 0, how | FOLLOW);
}

/* Whether these are the bytes of whole characters, RFC 3629. */
static int is_utf8(const uint8_t *at, const uint8_t *end) {
  while (at < end) {
    uint8_t first = *at++;
    if (first < 0x80) continue;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - at < more) return 0;
    uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    for (; more > 0; more--, at++, least = 0x80, most = 0xbf)
      if (*at < least || *at > most) return 0;
  }
  return 1;
}

int take_path(struct guest_path *path, const uint8_t *bytes, uint32_t size) {
  if (size == 0) return -ENOENT;
  if (size >= sizeof path->text) return -ENAMETOOLONG;
  if (memchr(bytes, 0, size)) return -EINVAL;
  if (!is_utf8(bytes, bytes + size)) return -EILSEQ;
  if (bytes[0] == '/') return -EPERM;
  memcpy(path->text, bytes, size);
  path->text[size] = 0;
  path->size = size;
  return 0;
}

int ends_indirectly(const struct guest_path *path) {
  const char *slash = strrchr(path->text, '/'), *name = slash ? slash + 1 : path->text;
  return !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}
