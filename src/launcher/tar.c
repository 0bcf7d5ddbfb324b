#include "tar.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "util.h"

/* Fields of the header: offset and size in bytes. */
enum {
  NAME = 0,
  NAME_SIZE = 100,
  MODE = 100,
  MODE_SIZE = 8,
  SIZE = 124,
  SIZE_SIZE = 12,
  CHECKSUM = 148,
  CHECKSUM_SIZE = 8,
  TYPE = 156,
  LINK = 157,
  LINK_SIZE = 100,
  MAGIC = 257,
  PREFIX = 345,
};

void tar_init(struct tar *tar, int folder, const char *path, struct stamp *stamp) {
  memset(tar, 0, sizeof(*tar));
  tar->folder = folder;
  tar->path = path;
  tar->stamp = stamp;
  tar->file = -1;
}

void tar_release(struct tar *tar) {
  close_now(&tar->file);
}

bool tar_ended(const struct tar *tar) {
  return tar->zero_blocks >= 2;
}

/* Octal digits, ended by a NUL, a space or the field's end; -1 for anything else. */
static int64_t read_octal(const uint8_t *field, size_t size) {
  int64_t value = 0;
  for (size_t i = 0; i < size && field[i] != '\0' && field[i] != ' '; i++) {
    if (field[i] < '0' || field[i] > '7') return -1;
    value = value * 8 + (field[i] - '0');
  }
  return value;
}

static bool checksum_matches(const uint8_t *header) {
  int64_t sum = 0;
  for (int i = 0; i < TAR_BLOCK; i++)
    sum += i >= CHECKSUM && i < CHECKSUM + CHECKSUM_SIZE ? ' ' : header[i];
  return sum == read_octal(header + CHECKSUM, CHECKSUM_SIZE);
}

/* Copies the name without a folder's last slash; false for one that leads out of the folder. */
static bool take_name(struct tar *tar) {
  memcpy(tar->name, tar->header + NAME, NAME_SIZE);
  tar->name[NAME_SIZE] = '\0';
  size_t length = strlen(tar->name);
  if (length > 0 && tar->name[length - 1] == '/') tar->name[--length] = '\0';
  return length > 0 && tar->name[0] != '/' && strstr(tar->name, "..") == NULL &&
         strchr(tar->name, ' ') == NULL && tar->header[PREFIX] == '\0';
}

static int fail(const struct tar *tar) {
  return report("unpack %s/%s: %m", tar->path, tar->name);
}

/* Syncs and closes the member whose last byte was written, and stamps it. */
static int finish_file(struct tar *tar) {
  if (fsync(tar->file) < 0) return fail(tar);
  close_now(&tar->file);
  return stamp_add(tar->stamp, tar->folder, tar->name);
}

static int begin_member(struct tar *tar) {
  const uint8_t *header = tar->header;
  int64_t mode = read_octal(header + MODE, MODE_SIZE);
  int64_t size = read_octal(header + SIZE, SIZE_SIZE);

  if (memcmp(header + MAGIC, "ustar", 5) != 0 || !checksum_matches(header) || mode < 0 ||
      size < 0 || !take_name(tar))
    return report("this file is damaged: its archive holds no valid header");
  /*
   * Written by none but root, whatever the archive says. A runtime in a sandbox is of the container's user, who reads
   * them by a mount of the folder; the folder around it is root's alone.
   */
  mode &= 0700;
  mode |= (mode & 0500) >> 3 | (mode & 0500) >> 6;

  switch (header[TYPE]) {
  case '5':
    if (mkdirat(tar->folder, tar->name, (mode_t)mode) < 0 ||
        fchmodat(tar->folder, tar->name, (mode_t)mode, 0) < 0) /* the umask does not count */
      return fail(tar);
    return 0;
  case '2': {
    char target[LINK_SIZE + 1] = "";
    memcpy(target, header + LINK, LINK_SIZE);
    if (symlinkat(target, tar->folder, tar->name) < 0) return fail(tar);
    return stamp_add(tar->stamp, tar->folder, tar->name);
  }
  case '0':
    tar->file =
        openat(tar->folder, tar->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    /* The umask does not count. */
    if (tar->file < 0 || fchmod(tar->file, (mode_t)mode) < 0) return fail(tar);
    tar->left = (uint64_t)size;
    tar->padding = (size_t)(-size & (TAR_BLOCK - 1));
    return tar->left == 0 ? finish_file(tar) : 0;
  default:
    return report("this file is damaged: its archive holds a member of type '%c'", header[TYPE]);
  }
}

static int end_header(struct tar *tar) {
  static const uint8_t zeros[TAR_BLOCK];
  tar->held = 0;
  if (memcmp(tar->header, zeros, TAR_BLOCK) != 0) return begin_member(tar);
  tar->zero_blocks++;
  return 0;
}

int tar_feed(struct tar *tar, const uint8_t *data, size_t length) {
  while (length > 0 && !tar_ended(tar)) {
    size_t count;
    if (tar->left > 0) {
      count = length < tar->left ? length : (size_t)tar->left;
      if (write_all(tar->file, data, count) < 0) return fail(tar);
      tar->left -= count;
      if (tar->left == 0 && finish_file(tar) < 0) return -1;
    } else if (tar->padding > 0) {
      count = length < tar->padding ? length : tar->padding;
      tar->padding -= count;
    } else {
      count = TAR_BLOCK - tar->held;
      count = length < count ? length : count;
      memcpy(tar->header + tar->held, data, count);
      tar->held += count;
      if (tar->held == TAR_BLOCK && end_header(tar) < 0) return -1;
    }
    data += count;
    length -= count;
  }
  return 0;
}
