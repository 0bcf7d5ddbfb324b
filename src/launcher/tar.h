/*
 * A reader of ustar (POSIX.1-2017 pax, "ustar Interchange Format"), fed with pieces of any size,
 * that unpacks folders, regular files and symbolic links. What it does not know is an error: the
 * archive is our own.
 */
#ifndef DENOWASI_TAR_H
#define DENOWASI_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stamp.h"

#define TAR_BLOCK     512
#define TAR_NAME_SIZE 101

struct tar {
  int folder;
  const char *path;
  struct stamp *stamp;
  /* The member being written: its name, its descriptor (-1: none), bytes to come. */
  char name[TAR_NAME_SIZE];
  int file;
  uint64_t left;
  /* Zeros after the member up to a whole block. */
  size_t padding;
  /* The header being gathered. */
  uint8_t header[TAR_BLOCK];
  size_t held;
  /* Blocks of zeros seen: two end the archive. */
  int zero_blocks;
};

/* `path` names `folder` in messages; both, and `stamp`, stay the caller's. */
void tar_init(struct tar *tar, int folder, const char *path, struct stamp *stamp);
/* -1, reported, when the data is no archive or a file could not be written. */
int tar_feed(struct tar *tar, const uint8_t *data, size_t length);
bool tar_ended(const struct tar *tar);
/* Closes the file that is open still. */
void tar_release(struct tar *tar);

#define cleanup_tar __attribute__((cleanup(tar_release)))

#endif
