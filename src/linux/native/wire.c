/* Reading messages and moving whole buffers through descriptors. */
#include "native.h"

#include <string.h>

static const uint8_t *take(struct reader *reader, size_t size) {
  if (reader->failed || (size_t)(reader->end - reader->at) < size) {
    reader->failed = 1;
    return NULL;
  }
  const uint8_t *taken = reader->at;
  reader->at += size;
  return taken;
}

uint64_t read_u64(struct reader *reader) {
  uint64_t value = 0;
  const uint8_t *from = take(reader, sizeof value);
  if (from) memcpy(&value, from, sizeof value); /* both ends are little-endian */
  return value;
}

uint32_t read_u32(struct reader *reader) {
  uint32_t value = 0;
  const uint8_t *from = take(reader, sizeof value);
  if (from) memcpy(&value, from, sizeof value);
  return value;
}

struct bytes read_bytes(struct reader *reader) {
  struct bytes result = {"", 0};
  size_t size = read_u32(reader);
  const uint8_t *from = take(reader, size + 1);
  if (!from) return result;
  if (from[size] != 0) {
    reader->failed = 1;
    return result;
  }
  result.data = (const char *)from;
  result.size = size;
  return result;
}

const char *read_string(struct reader *reader) {
  struct bytes text = read_bytes(reader);
  if (memchr(text.data, 0, text.size)) reader->failed = 1;
  return text.data;
}

int write_all(int fd, const void *data, size_t size) {
  for (const char *at = data; size > 0;) {
    ssize_t count = write(fd, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    at += count;
    size -= (size_t)count;
  }
  return 0;
}

int read_all(int fd, void *data, size_t size) {
  for (char *at = data; size > 0;) {
    ssize_t count = read(fd, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) return -EPIPE;
    at += count;
    size -= (size_t)count;
  }
  return 0;
}
