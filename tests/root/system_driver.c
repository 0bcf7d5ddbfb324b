/*
 * Drives the system calls of libdenowasi, linked in under ASan and UBSan:
 *
 *   paths FOLDER SEED COUNT   COUNT calls on random paths below FOLDER/inside; print each with what it answered
 *   buffers SEED COUNT        vectors of a guest's memory, datagrams and folders, with hostile sizes; print how many
 *                             answers are wrong
 *
 * Every path and buffer is a block of exactly its size, so that a byte read or written past its end is seen. No
 * descriptor may be left open.
 */
#define _GNU_SOURCE
#include "../../src/linux/native/system.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int dw_sys_open_host(const char *path, int flags);
int dw_sys_open(int, const uint8_t *, uint32_t, uint32_t, int, uint32_t, uint32_t);
int dw_sys_stat(int, const uint8_t *, uint32_t, uint32_t, uint32_t, uint8_t *, uint32_t);
int dw_sys_mkdir(int, const uint8_t *, uint32_t, uint32_t, uint32_t, uint32_t);
int dw_sys_unlink(int, const uint8_t *, uint32_t, uint32_t, int, uint32_t);
int dw_sys_rename(int, const uint8_t *, uint32_t, uint32_t, uint32_t, int, const uint8_t *, uint32_t, uint32_t,
                  uint32_t);
int dw_sys_link(int, const uint8_t *, uint32_t, uint32_t, uint32_t, int, const uint8_t *, uint32_t, uint32_t,
                uint32_t);
int dw_sys_symlink(const uint8_t *, uint32_t, uint32_t, int, const uint8_t *, uint32_t, uint32_t, uint32_t);
int dw_sys_readlink(int, const uint8_t *, uint32_t, uint32_t, uint32_t, uint8_t *, uint32_t, uint32_t);
int dw_sys_utimens(int, const uint8_t *, uint32_t, uint32_t, uint32_t, uint64_t, uint64_t, uint32_t);
int dw_sys_readv(int, uint8_t *, uint64_t, uint32_t, uint32_t);
int dw_sys_writev(int, uint8_t *, uint64_t, uint32_t, uint32_t);
int dw_sys_receivev(int, uint8_t *, uint64_t, uint32_t, uint32_t, int, uint8_t *);
int dw_sys_readdir(int, uint8_t *, uint32_t, uint64_t, uint8_t *, uint32_t, uint32_t);

/* ASAN_OPTIONS may add to these. */
const char *__asan_default_options(void) { return "exitcode=77:detect_leaks=0"; }
const char *__ubsan_default_options(void) { return "halt_on_error=1:exitcode=77:print_stacktrace=1"; }

static void must(int result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "%s: %d\n", what, result);
  exit(2);
}

static int count_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 256; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

/* xorshift64*, so that a seed is a test. */
static uint64_t random_state;

static uint32_t random_below(uint32_t limit) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (uint32_t)((random_state * 0x2545F4914F6CDD1D) >> 33) % limit;
}

static const char *const NAMES[] = {"a", "b", "c", "d", "..", "..", ".", "", "a", "b"};
enum { NAME_COUNT = sizeof NAMES / sizeof *NAMES };

/* A path of few names, so that it often is there; now and then absolute or with a slash at its end. */
static char *random_path(int absolute) {
  char path[256] = "";
  if (absolute && random_below(8) == 0) strcat(path, "/");
  for (uint32_t more = 1 + random_below(4); more > 0; more--) {
    strcat(path, NAMES[random_below(NAME_COUNT)]);
    if (more > 1 || random_below(6) == 0) strcat(path, "/");
  }
  return strdup(path);
}

struct text {
  uint8_t *bytes;
  uint32_t size;
};

/* Exactly the bytes, without a NUL. */
static struct text exactly(const char *text) {
  struct text copy = {.bytes = malloc(strlen(text) + !*text), .size = (uint32_t)strlen(text)};
  memcpy(copy.bytes, text, copy.size);
  return copy;
}

#define TEXT(text) text.bytes, 0, text.size

static int call_on_paths(int folder, const char **name, struct text one, struct text other) {
  uint8_t out[64];
  uint32_t how = random_below(4);
  int fd;
  switch (random_below(13)) {
  case 0: case 1:
    *name = "open";
    fd = dw_sys_open(folder, TEXT(one), O_RDONLY | (random_below(4) ? 0 : O_DIRECTORY), 0, how);
    break;
  case 2: case 3:
    *name = "create";
    fd = dw_sys_open(folder, TEXT(one), O_WRONLY | O_CREAT | (random_below(3) ? 0 : O_EXCL), 0600, how);
    break;
  case 4: *name = "stat"; return dw_sys_stat(folder, TEXT(one), how, out, 0);
  case 5: case 6: *name = "mkdir"; return dw_sys_mkdir(folder, TEXT(one), 0700, how & IN_ROOT);
  case 7: *name = "unlink"; return dw_sys_unlink(folder, TEXT(one), random_below(2) ? AT_REMOVEDIR : 0, how & IN_ROOT);
  case 8: *name = "rename"; return dw_sys_rename(folder, TEXT(one), how & IN_ROOT, folder, TEXT(other), how & IN_ROOT);
  case 9: *name = "link"; return dw_sys_link(folder, TEXT(one), how & IN_ROOT, folder, TEXT(other), how & IN_ROOT);
  case 10: case 11: *name = "symlink"; return dw_sys_symlink(TEXT(other), folder, TEXT(one), how & IN_ROOT);
  default:
    if (random_below(2)) {
      *name = "readlink";
      return dw_sys_readlink(folder, TEXT(one), how & IN_ROOT, out, 0, sizeof out);
    }
    *name = "utimens";
    return dw_sys_utimens(folder, TEXT(one), how, 1, 2, 5);
  }
  if (fd < 0) return fd;
  close(fd);
  return 0;
}

static int paths(const char *where, unsigned long count) {
  char inside[PATH_MAX];
  snprintf(inside, sizeof inside, "%s/inside", where);
  int folder = dw_sys_open_host(inside, O_DIRECTORY), before = count_descriptors();
  must(folder, inside);
  for (unsigned long i = 0; i < count; i++) {
    char *first = random_path(1), *second = random_path(1);
    struct text one = exactly(first), other = exactly(second);
    const char *name;
    int result = call_on_paths(folder, &name, one, other);
    printf("%lu %s %s %s %d\n", i, name, first, second, result);
    free(first), free(second), free(one.bytes), free(other.bytes);
  }
  printf("%d descriptors more\n", count_descriptors() - before);
  return 0;
}

/* Numbers near what matters to a memory of `size` bytes. */
static uint32_t hostile(uint32_t size) {
  switch (random_below(6)) {
  case 0: return random_below(size);
  case 1: return size - random_below(16);
  case 2: return size + random_below(16);
  case 3: return UINT32_MAX - random_below(16);
  case 4: return 0x80000000u - 8 + random_below(16);
  default: return random_below(16);
  }
}

static int buffers(unsigned long count) {
  enum { SIZE = 4096 };
  int pair[2], before = count_descriptors();
  must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), "socketpair");
  int folder = dw_sys_open_host("/proc/self", O_DIRECTORY);
  must(folder, "/proc/self");
  uint8_t *ahead = calloc(1, 1024);
  uint64_t cookie = 0;
  unsigned long wrong = 0;
  for (unsigned long i = 0; i < count; i++) {
    uint8_t *memory = malloc(SIZE), truncated[4];
    for (int at = 0; at < SIZE; at += 4) {
      uint32_t value = random_below(4) ? hostile(SIZE) : random_below(64);
      memcpy(memory + at, &value, sizeof value);
    }
    uint32_t at = hostile(SIZE), vectors = random_below(3) ? random_below(4) : hostile(SIZE);
    int sent = dw_sys_writev(pair[0], memory, SIZE, at, vectors);
    if (sent < 0 && sent != -EFAULT && sent != -EAGAIN && sent != -EMSGSIZE && sent != -EINVAL) wrong++;
    int flags = (random_below(2) ? MSG_PEEK : 0) | MSG_DONTWAIT;
    int got = random_below(2) ? dw_sys_receivev(pair[1], memory, SIZE, hostile(SIZE), vectors, flags, truncated)
                              : dw_sys_readv(pair[1], memory, SIZE, hostile(SIZE), vectors);
    if (got < 0 && got != -EFAULT && got != -EAGAIN && got != -EINVAL) wrong++;
    uint32_t size = random_below(600);
    uint8_t *out = malloc(size + 1);
    int used = dw_sys_readdir(folder, ahead, 1024, cookie, out, 1, size);
    if (used > (int)size) wrong++;
    if (used >= 8) memcpy(&cookie, out + 1, sizeof cookie);
    if (used < (int)size) cookie = random_below(2) ? 0 : hostile(SIZE);
    free(out), free(memory);
  }
  free(ahead);
  close(folder), close(pair[0]), close(pair[1]);
  printf("%lu wrong, %d descriptors more\n", wrong, count_descriptors() - before);
  return 0;
}

int main(int argc, char **argv) {
  alarm(60); /* nothing here waits */
  if (argc == 5 && !strcmp(argv[1], "paths")) {
    random_state = strtoull(argv[3], NULL, 10);
    return paths(argv[2], strtoul(argv[4], NULL, 10));
  }
  if (argc == 4 && !strcmp(argv[1], "buffers")) {
    random_state = strtoull(argv[2], NULL, 10);
    return buffers(strtoul(argv[3], NULL, 10));
  }
  fprintf(stderr, "system_driver: unknown arguments\n");
  return 2;
}
