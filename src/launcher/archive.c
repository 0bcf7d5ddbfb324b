#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "tar.h"
#include "util.h"

static const char SELF[] = "/proc/self/exe";

static uint64_t read_le64(const uint8_t *data) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; i--) value = value << 8 | data[i];
  return value;
}

/* Reads exactly `length` bytes; a shorter file is EIO. */
static int read_at(int fd, void *data, size_t length, off_t offset) {
  for (size_t done = 0; done < length;) {
    ssize_t count = pread(fd, (char *)data + done, length - done, offset + (off_t)done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      errno = count == 0 ? EIO : errno;
      return -1;
    }
    done += (size_t)count;
  }
  return 0;
}

int archive_open(struct archive *archive) {
  uint8_t trailer[ARCHIVE_TRAILER_SIZE];
  struct stat status;

  archive->fd = open(SELF, O_RDONLY | O_CLOEXEC);
  if (archive->fd < 0) return report("open %s: %m", SELF);
  if (fstat(archive->fd, &status) < 0) return report("stat %s: %m", SELF);
  off_t end = status.st_size - ARCHIVE_TRAILER_SIZE;
  if (end < 0 || read_at(archive->fd, trailer, sizeof(trailer), end) < 0)
    return report("read the archive at the end of %s: %m", SELF);
  if (memcmp(trailer, ARCHIVE_MAGIC, 8) != 0 || read_le64(trailer + 8) != ARCHIVE_VERSION)
    return report("this file carries no archive (cut short or stripped?): build or "
                  "copy it anew");
  uint64_t length = read_le64(trailer + 16);
  if (length > (uint64_t)end)
    return report("this file is damaged: its archive of %llu bytes is cut short",
                  (unsigned long long)length);
  archive->length = (off_t)length;
  archive->offset = end - archive->length;
  memcpy(archive->digest, trailer + 24, SHA256_SIZE);
  return 0;
}

void archive_close(struct archive *archive) {
  close_now(&archive->fd);
}

static void free_stream(ZSTD_DStream **stream) {
  ZSTD_freeDStream(*stream);
}

int archive_extract(const struct archive *archive, int folder, const char *path,
                    struct stamp *stamp) {
  /* Not on the stack, and in no page that a launcher which unpacks nothing touches. */
  static uint8_t compressed[256 * 1024];
  static uint8_t plain[256 * 1024];
  __attribute__((cleanup(free_stream))) ZSTD_DStream *stream = ZSTD_createDStream();
  cleanup_tar struct tar tar;
  struct sha256 hash;
  size_t state = 0;

  tar_init(&tar, folder, path, stamp);
  sha256_init(&hash);
  if (stream == NULL) return report("memory: %s", strerror(ENOMEM));
  for (off_t done = 0; done < archive->length;) {
    off_t left = archive->length - done;
    size_t count = left < (off_t)sizeof(compressed) ? (size_t)left : sizeof(compressed);
    if (read_at(archive->fd, compressed, count, archive->offset + done) < 0)
      return report("read %s: %m", SELF);
    done += (off_t)count;
    sha256_update(&hash, compressed, count);
    ZSTD_inBuffer in = {compressed, count, 0};
    ZSTD_outBuffer out;
    do {
      out = (ZSTD_outBuffer){plain, sizeof(plain), 0};
      state = ZSTD_decompressStream(stream, &out, &in);
      if (ZSTD_isError(state)) return report("this file is damaged: %s", ZSTD_getErrorName(state));
      if (tar_feed(&tar, plain, out.pos) < 0) return -1;
    } while (in.pos < in.size || out.pos == out.size);
  }
  uint8_t digest[SHA256_SIZE];
  sha256_final(&hash, digest);
  if (memcmp(digest, archive->digest, SHA256_SIZE) != 0) {
    char seen[SHA256_HEX_SIZE], wanted[SHA256_HEX_SIZE];
    sha256_hex(digest, seen);
    sha256_hex(archive->digest, wanted);
    return report("this file is damaged: its archive has SHA-256 %s, not %s", seen, wanted);
  }
  if (state != 0 || !tar_ended(&tar))
    return report("this file is damaged: its archive does not end");
  return 0;
}
