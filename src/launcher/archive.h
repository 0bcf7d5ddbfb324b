/*
 * The archive that follows the launcher's ELF in the same file:
 *
 *     launcher ELF | payload: ustar, zstd (one or more frames) | trailer
 *
 * Trailer, ARCHIVE_TRAILER_SIZE bytes, integers little-endian:
 *
 *     0-7    magic "denowasi"
 *     8-15   version of this form, 1
 *     16-23  length of the payload, which ends where the trailer begins
 *     24-55  SHA-256 of the payload
 */
#ifndef DENOWASI_ARCHIVE_H
#define DENOWASI_ARCHIVE_H

#include <sys/types.h>

#include "sha256.h"

#define ARCHIVE_MAGIC        "denowasi"
#define ARCHIVE_VERSION      1
#define ARCHIVE_TRAILER_SIZE 56

struct archive {
  /* This executable. */
  int fd;
  off_t offset;
  off_t length;
  uint8_t digest[SHA256_SIZE];
};

/* Opens the archive of this executable; -1 when it carries none, reported. */
int archive_open(struct archive *archive);
void archive_close(struct archive *archive);

#define cleanup_archive __attribute__((cleanup(archive_close)))

/*
 * Unpacks the payload into the empty folder `folder` (named `path` in messages), every file and
 * folder synced, and checks its digest. Appends one line per file to `stamp` (stamp.h).
 * -1, reported, leaves a part of it behind.
 */
struct stamp;
int archive_extract(const struct archive *archive, int folder, const char *path,
                    struct stamp *stamp);

#endif
