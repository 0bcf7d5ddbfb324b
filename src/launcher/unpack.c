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

static const char LOCK[] = STORE "/.lock";
/*
 * Guarded by LOCK: whoever holds it owns this folder, and what is found there was left by one that
 * was killed.
 */
static const char TEMPORARY[] = STORE "/.unpack";

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
static int lock_store(void) {
  if (make_folder("/var", 0755) < 0 || make_folder("/var/lib", 0755) < 0 ||
      make_folder(STORE, 0700) < 0)
    return -1;
  int fd = open(LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return report("open %s: %m", LOCK);
  while (flock(fd, LOCK_EX) < 0) {
    if (errno != EINTR) {
      report("lock %s: %m", LOCK);
      close(fd);
      return -1;
    }
  }
  return fd;
}

/* Makes TEMPORARY hold the whole archive, stamped and on disk. */
static int fill_temporary(const struct archive *archive) {
  struct stamp stamp = {0};
  if (mkdir(TEMPORARY, 0700) < 0) return report("mkdir %s: %m", TEMPORARY);
  cleanup_close int folder = open(TEMPORARY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return report("open %s: %m", TEMPORARY);
  if (archive_extract(archive, folder, TEMPORARY, &stamp) < 0 ||
      stamp_write(&stamp, folder, TEMPORARY) < 0)
    return -1;
  if (nftw(TEMPORARY, sync_folder, 8, FTW_PHYS) < 0) return report("sync %s: %m", TEMPORARY);
  return 0;
}

/*
 * Gives TEMPORARY its name. A damaged folder of that name changes places with it in one step, so
 * that a runtime which runs from there never misses a file.
 */
static int publish(const char *path) {
  int result = renameat2(AT_FDCWD, TEMPORARY, AT_FDCWD, path, RENAME_NOREPLACE);
  if (result < 0 && errno == EEXIST)
    result = renameat2(AT_FDCWD, TEMPORARY, AT_FDCWD, path, RENAME_EXCHANGE);
  if (result < 0) return report("rename %s to %s: %m", TEMPORARY, path);
  cleanup_close int store = open(STORE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (store < 0 || fsync(store) < 0) return report("sync %s: %m", STORE);
  return 0;
}

int unpack(char path[UNPACKED_PATH_SIZE]) {
  cleanup_archive struct archive archive;
  char digest[SHA256_HEX_SIZE];
  if (archive_open(&archive) < 0) return -1;
  sha256_hex(archive.digest, digest);
  snprintf(path, UNPACKED_PATH_SIZE, "%s/%s", STORE, digest);
  if (stamp_holds(path)) return 0;

  cleanup_close int lock = lock_store();
  if (lock < 0) return -1;
  /* Somebody may have unpacked it while this one waited. */
  if (stamp_holds(path)) return 0;
  remove_tree(TEMPORARY);
  int result = fill_temporary(&archive);
  if (result == 0) result = publish(path);
  /* What failed, or the damaged folder that was here before. */
  remove_tree(TEMPORARY);
  return result;
}
