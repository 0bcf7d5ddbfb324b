/* Another program as a function: bytes in, bytes out, for a process that may not use the runtime's own way. */
#define _GNU_SOURCE
#include "native.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { READ_SIZE = 1 << 20, MOST_STRINGS = 128 };

/* Point `strings` at each of the NUL-terminated strings of a block that an empty one ends. 0 or -E2BIG. */
static int split(const char *block, const char *strings[MOST_STRINGS + 1]) {
  size_t count = 0;
  for (; *block; block += strlen(block) + 1) {
    if (count == MOST_STRINGS) return -E2BIG;
    strings[count++] = block;
  }
  strings[count] = NULL;
  return 0;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A file in memory with `size` bytes of `data`, at its beginning; or -errno. */
static int file_of(const void *data, size_t size) {
  cleanup_fd int file = (int)or_errno(memfd_create("input", MFD_CLOEXEC));
  if (file < 0) return file;
  try_step(write_all(file, data, size));
  try_call(lseek(file, 0, SEEK_SET));
  int result = file;
  file = -1;
  return result;
}

/* Start `arguments[0]` with these as stdin and stdout, and signals as they were before V8. Its pid or -errno. */
static pid_t start(const char *const *arguments, const char *const *environment, int input, int output) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t all, none;
  pid_t pid = -1;
  sigfillset(&all);
  sigemptyset(&none);
  int failed = posix_spawn_file_actions_init(&files);
  if (failed) return -failed;
  failed = posix_spawnattr_init(&attributes);
  if (!failed) {
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    failed = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    if (!failed) failed = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    if (!failed)
      failed = posix_spawn(&pid, arguments[0], &files, &attributes, (char **)arguments, (char **)environment);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&files);
  return failed ? -failed : pid;
}

/* Read `from` to its end into `*data`, before `deadline_ms`. The size or -errno, with `*data` to be freed in any case. */
static int64_t read_to_end(int from, int64_t deadline_ms, uint8_t **data) {
  size_t size = 0, capacity = 0;
  for (;;) {
    if (capacity - size < READ_SIZE) {
      capacity = capacity * 2 + READ_SIZE;
      uint8_t *grown = realloc(*data, capacity);
      if (!grown) return -ENOMEM;
      *data = grown;
    }
    int64_t left_ms = deadline_ms - now_ms();
    struct pollfd wait = {.fd = from, .events = POLLIN};
    if (left_ms <= 0) return -ETIMEDOUT;
    int ready = poll(&wait, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready <= 0) continue;
    ssize_t count = read(from, *data + size, capacity - size);
    if (count < 0 && errno != EINTR) return -errno;
    if (count == 0) return (int64_t)size;
    if (count > 0) size += (size_t)count;
  }
}

/*
 * Run a program with `size` bytes of `input` as its stdin until it closes its stdout, for at most `timeout_ms`;
 * then kill it. `arguments`, of which the first is its path, and `environment` are NUL-terminated strings with an
 * empty one at the end. What it has written goes to `*output`, to be freed with dw_release. The size of that, or
 * -errno (-ETIMEDOUT). How it ended is not known where SIGCHLD is ignored, so what it writes must tell whether it is whole.
 */
DW_EXPORT int64_t dw_filter(const char *arguments, const char *environment, const uint8_t *input,
                            uint64_t size, uint32_t timeout_ms, uint8_t **output) {
  const char *argv[MOST_STRINGS + 1], *envp[MOST_STRINGS + 1];
  int pipe_ends[2];
  int64_t deadline_ms = now_ms() + timeout_ms;
  *output = NULL;
  try_step(split(arguments, argv));
  try_step(split(environment, envp));
  if (!argv[0]) return -EINVAL;
  cleanup_fd int file = file_of(input, size);
  if (file < 0) return file;
  try_call(pipe2(pipe_ends, O_CLOEXEC));
  cleanup_fd int from = pipe_ends[0], to = pipe_ends[1];
  pid_t pid = start(argv, envp, file, to);
  if (pid < 0) return pid;
  cleanup_fd int process = (int)syscall(SYS_pidfd_open, pid, 0); /* not there: it has ended, and was reaped */
  close(to);
  to = -1;
  uint8_t *data = NULL;
  int64_t result = read_to_end(from, deadline_ms, &data);
  if (process >= 0) syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
  if (result < 0) free(data);
  else *output = data;
  return result;
}

DW_EXPORT void dw_release(uint8_t *output) { free(output); }
