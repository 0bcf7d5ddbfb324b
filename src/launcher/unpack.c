#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "archive.h"
#include "stamp.h"
#include "util.h"

/* Room for a store's path and the names in it. */
enum { STORE_PATH_SIZE = UNPACKED_PATH_SIZE - SHA256_HEX_SIZE };

/* Where archives are unpacked. */
struct store {
  char path[STORE_PATH_SIZE];
  char lock[UNPACKED_PATH_SIZE];
  /*
   * Guarded by `lock`: whoever holds it owns this folder, and what is found there was left by one that
   * was killed.
   */
  char temporary[UNPACKED_PATH_SIZE];
};

/* The store of the folder `path`; -1, reported. */
static int store_init(struct store *store, const char *path) {
  if ((size_t)snprintf(store->path, sizeof(store->path), "%s", path) >= sizeof(store->path))
    return report("%.80s...: the path is too long to unpack to", path);
  snprintf(store->lock, sizeof(store->lock), "%s/.lock", path);
  snprintf(store->temporary, sizeof(store->temporary), "%s/.unpack", path);
  return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status;
  (void)type;
  (void)walk;
  return remove(path);
}

/* Removes a folder and all in it; errors show when its name is used again. */
static void remove_tree(const char *path) {
  nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int sync_folder(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status;
  (void)walk;
  if (type != FTW_D) return 0;
  cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? -1 : fsync(fd);
}

static int make_folder(const char *path, mode_t mode) {
  if (mkdir(path, mode) < 0 && errno != EEXIST) return report("mkdir %s: %m", path);
  return 0;
}

/* Opens and takes the lock, which the caller's close releases; -1, reported. */
static int lock_store(const struct store *store) {
  const char *path = store->lock;
  int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return report("open %s: %m", path);
  while (flock(fd, LOCK_EX) < 0) {
    if (errno != EINTR) {
      report("lock %s: %m", path);
      close(fd);
      return -1;
    }
  }
  return fd;
}

/* Makes the folder `path` with the whole archive, stamped and on disk. */
static int fill_folder(const char *path, const struct archive *archive) {
  struct stamp stamp = {0};
  if (mkdir(path, 0700) < 0) return report("mkdir %s: %m", path);
  cleanup_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || fchmod(folder, 0755) < 0) return report("open %s: %m", path);
  if (archive_extract(archive, folder, path, &stamp) < 0 || stamp_write(&stamp, folder, path) < 0)
    return -1;
  if (nftw(path, sync_folder, 8, FTW_PHYS) < 0) return report("sync %s: %m", path);
  return 0;
}

/*
 * Gives the temporary folder its name. A damaged folder of that name changes places with it in one step, so
 * that a runtime which runs from there never misses a file.
 */
static int publish(const struct store *store, const char *path) {
  const char *temporary = store->temporary;
  int result = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE);
  if (result < 0 && errno == EEXIST)
    result = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_EXCHANGE);
  if (result < 0) return report("rename %s to %s: %m", temporary, path);
  cleanup_close int folder = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || fsync(folder) < 0) return report("sync %s: %m", store->path);
  return 0;
}

/* Unpacks into the store, which `make` makes when it is not there. */
static int unpack_into(const struct store *store, int (*make)(const char *path),
                       char path[UNPACKED_PATH_SIZE]) {
  cleanup_archive struct archive archive;
  char digest[SHA256_HEX_SIZE];
  if (archive_open(&archive) < 0) return -1;
  sha256_hex(archive.digest, digest);
  snprintf(path, UNPACKED_PATH_SIZE, "%s/%s", store->path, digest);
  if (stamp_holds(path)) return 0;

  if (make(store->path) < 0) return -1;
  cleanup_close int lock = lock_store(store);
  if (lock < 0) return -1;
  /* Somebody may have unpacked it while this one waited. */
  if (stamp_holds(path)) return 0;
  remove_tree(store->temporary);
  int result = fill_folder(store->temporary, &archive);
  if (result == 0) result = publish(store, path);
  /* What failed, or the damaged folder that was here before. */
  remove_tree(store->temporary);
  return result;
}

static int make_store(const char *path) {
  if (make_folder("/var", 0755) < 0 || make_folder("/var/lib", 0755) < 0) return -1;
  return make_folder(path, 0700);
}

int unpack(char path[UNPACKED_PATH_SIZE]) {
  struct store store;
  if (store_init(&store, STORE) < 0) return -1;
  return unpack_into(&store, make_store, path);
}

/* Whether nobody but this user (and root) can change what is in `path`, when it is there; false, reported. */
static bool is_own(const char *path) {
  struct stat status;
  if (lstat(path, &status) < 0) return errno == ENOENT || report("stat %s: %m", path) == 0;
  if (!S_ISDIR(status.st_mode)) report("%s: not a folder", path);
  else if (status.st_uid != geteuid()) report("%s: belongs to user %u", path, status.st_uid);
  else if (status.st_mode & 022) report("%s: others may write to it", path);
  else return true;
  return false;
}

/* XDG Base Directory Specification: made with its parents for the user alone; what is there stays as it is. */
static int make_user_store(const char *path) {
  cleanup_free char *parent = format_string("%s", path);
  if (parent == NULL) return -1;
  for (char *slash = strchr(parent + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (make_folder(parent, 0700) < 0) return -1;
    *slash = '/';
  }
  return make_folder(path, 0700) < 0 || !is_own(path) ? -1 : 0;
}

/* The absolute path in the variable `name`, or NULL. */
static const char *absolute_variable(const char *name) {
  const char *value = getenv(name);
  return value != NULL && value[0] == '/' ? value : NULL;
}

int unpack_for_user(char path[UNPACKED_PATH_SIZE]) {
  if (geteuid() == 0) return unpack(path);
  struct store store;
  const char *cache = absolute_variable("XDG_CACHE_HOME");
  const char *home = absolute_variable("HOME");
  if (cache == NULL && home == NULL)
    return report("unpack: neither XDG_CACHE_HOME nor HOME is an absolute path");
  cleanup_free char *folder = cache != NULL ? format_string("%s/denowasi", cache)
                                            : format_string("%s/.cache/denowasi", home);
  if (folder == NULL || store_init(&store, folder) < 0 || !is_own(folder)) return -1;
  return unpack_into(&store, make_user_store, path);
}
