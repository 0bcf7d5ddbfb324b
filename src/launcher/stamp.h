/*
 * The stamp of an unpacked folder: a file with one line for each file unpacked,
 *
 *     NAME MODE SIZE INODE CTIME
 *
 * (mode octal; ctime in seconds.nanoseconds) and a last line "end". Whatever is done to a file
 * (written, truncated, replaced, removed, restored from elsewhere) changes one of these, so a few
 * stat calls tell whether the folder is as it was unpacked.
 */
#ifndef DENOWASI_STAMP_H
#define DENOWASI_STAMP_H

#include <stdbool.h>
#include <stddef.h>

#define STAMP_NAME ".stamp"

struct stamp {
  size_t length;
  char text[8192];
};

/* Adds the file `name` of `folder` as it is now; -1, reported. */
int stamp_add(struct stamp *stamp, int folder, const char *name);

/* Ends the stamp and writes it into `folder` (`path` in messages), synced; -1, reported. */
int stamp_write(struct stamp *stamp, int folder, const char *path);

/* Whether the folder at `path` is there and as its stamp says. */
bool stamp_holds(const char *path);

#endif
