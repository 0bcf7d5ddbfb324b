/* Entries of a folder, in the form of WASI preview 1. */
#define _GNU_SOURCE
#include "system.h"

#include <dirent.h>
#include <string.h>
#include <sys/syscall.h>

/*
 * What was read ahead. A folder that changes under the reader is only read right when the kernel goes on where it was:
 * seeking back to a cookie loses that place on some file systems.
 */
struct ahead {
  uint64_t cookie;  /* what the entry at `at` comes after */
  uint32_t at, end; /* bytes of `data` */
  uint8_t data[];
};

/* linux_dirent64 of getdents64(2): inode, next cookie, size of the record, type, name. */
enum { INODE = 0, NEXT = 8, RECORD = 16, TYPE = 18, NAME = 19 };
/* dirent of WASI: next cookie, inode, size of the name, type; then the name. */
enum { HEAD = 24 };

/* The file type of WASI for DT_*. */
static uint8_t file_type(uint8_t type) {
  switch (type) {
  case DT_BLK: return 1;
  case DT_CHR: return 2;
  case DT_DIR: return 3;
  case DT_REG: return 4;
  case DT_SOCK: return 6;
  case DT_LNK: return 7;
  default: return 0;
  }
}

/* Go to where the entry after `cookie` is. */
static int seek_entry(int fd, struct ahead *ahead, uint64_t cookie) {
  if (cookie != 0 && cookie == ahead->cookie) return 0;
  ahead->at = ahead->end = 0;
  ahead->cookie = 0;
  try_call(lseek(fd, (off_t)cookie, SEEK_SET));
  ahead->cookie = cookie;
  return 0;
}

/* Have the next entry at ahead->at; at the end of the folder there is none. */
static int read_entry(int fd, struct ahead *ahead, uint32_t capacity) {
  if (ahead->at < ahead->end) return 0;
  ahead->at = ahead->end = 0;
  long size = syscall(SYS_getdents64, fd, ahead->data, capacity);
  if (size < 0) return -errno;
  ahead->end = (uint32_t)size;
  return 0;
}

/*
 * Put entries that come after `cookie` (0: the first) into `out`, cutting off the last one when it does not fit: fewer
 * bytes than `out_size` means the end of the folder. `buffer`, of `buffer_size` bytes (at least 1024), aligned to 8,
 * belongs to the descriptor; all zero at first. Count of bytes, or -errno.
 */
DW_EXPORT int dw_sys_readdir(int fd, uint8_t *buffer, uint32_t buffer_size, uint64_t cookie, uint8_t *out,
                             uint32_t out_at, uint32_t out_size) {
  struct ahead *ahead = (struct ahead *)buffer;
  uint32_t capacity = buffer_size - (uint32_t)sizeof *ahead, used = 0;
  out += out_at;
  try_step(seek_entry(fd, ahead, cookie));
  while (used < out_size) {
    try_step(read_entry(fd, ahead, capacity));
    if (ahead->at >= ahead->end) break;
    const uint8_t *entry = ahead->data + ahead->at;
    uint16_t record;
    memcpy(&record, entry + RECORD, sizeof record);
    uint8_t whole[HEAD + 256] = {0};
    uint32_t name_size = (uint32_t)strnlen((const char *)entry + NAME, 255);
    memcpy(whole, entry + NEXT, 8);
    memcpy(whole + 8, entry + INODE, 8);
    memcpy(whole + 16, &name_size, 4);
    whole[20] = file_type(entry[TYPE]);
    memcpy(whole + HEAD, entry + NAME, name_size);
    uint32_t size = HEAD + name_size, room = out_size - used;
    memcpy(out + used, whole, size < room ? size : room);
    if (size > room) return (int)out_size; /* stays for the next call */
    used += size;
    ahead->at += record;
    memcpy(&ahead->cookie, entry + NEXT, 8);
  }
  return (int)used;
}
