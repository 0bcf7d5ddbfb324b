#include "stamp.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util.h"

static const char END[] = "end\n";

/* Writes the line of `name` as it is now, with its newline; its length, or -1 and errno. */
static int describe(int folder, const char *name, char *line, size_t size) {
  struct stat status;
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return -1;
  int length = snprintf(line, size, "%s %o %lld %llu %lld.%09ld\n", name, status.st_mode,
                        (long long)status.st_size, (unsigned long long)status.st_ino,
                        (long long)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
  return (size_t)length < size ? length : -1;
}

int stamp_add(struct stamp *stamp, int folder, const char *name) {
  int length = describe(folder, name, stamp->text + stamp->length,
                        sizeof(stamp->text) - sizeof(END) - stamp->length);
  if (length < 0) return report("stamp %s: %m", name);
  stamp->length += (size_t)length;
  return 0;
}

int stamp_write(struct stamp *stamp, int folder, const char *path) {
  cleanup_close int fd =
      openat(folder, STAMP_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  memcpy(stamp->text + stamp->length, END, sizeof(END));
  if (fd < 0 || write_all(fd, stamp->text, stamp->length + strlen(END)) < 0 || fsync(fd) < 0)
    return report("write %s/%s: %m", path, STAMP_NAME);
  return 0;
}

bool stamp_holds(const char *path) {
  struct stamp stamp;
  char now[512];
  cleanup_close int folder = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return false;
  cleanup_close int fd = openat(folder, STAMP_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read_some(fd, stamp.text, sizeof(stamp.text) - 1);
  if (length < 0) return false;
  stamp.text[length] = '\0';

  char *line = stamp.text;
  while (strcmp(line, END) != 0) {
    char *newline = strchr(line, '\n');
    char *space = strchr(line, ' ');
    if (newline == NULL || space == NULL || space > newline) return false;
    *space = '\0';
    int now_length = describe(folder, line, now, sizeof(now));
    *space = ' ';
    if (now_length != newline + 1 - line || memcmp(line, now, (size_t)now_length) != 0)
      return false;
    line = newline + 1;
  }
  /* A stamp of no files would say nothing. */
  return line != stamp.text;
}
