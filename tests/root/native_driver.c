/*
 * Drives the functions of libdenowasi, linked in under ASan and UBSan:
 *
 *   perform PLAN [COMMAND...]        perform the plan in the file PLAN, print "RESULT DESCRIPTORS STEP", then exec
 *   terminal PLAN COMMAND...         the same in a session of its own, with the monitor's part of a terminal: stdin is
 *                                    typed, the screen printed, and in the end "status STATUS" of wait(2)
 *   truncate PLAN                    perform every proper prefix, each in a child; print those not refused as malformed
 *   mutate PLAN SEED COUNT           perform COUNT mutated copies, 20 in each child; print the children that died
 *   read ROOT PATH CAPACITY          dw_read_in_root: print the result and the bytes
 *   mount SOURCE TARGET TYPE FLAGS DATA FOLDER, unmount TARGET   print the result
 *
 * RESULT is 0 or -errno, DESCRIPTORS how many more are open than before. Everything is done in the namespaces that it
 * is run in; `truncate` makes mount namespaces of its own and `mutate` a root, too.
 */
#define _GNU_SOURCE
#include "../../src/linux/native/native.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

int dw_perform(const char *plan, uint64_t size, char *step, uint64_t step_size);
int64_t dw_read_in_root(const char *root, const char *path, uint8_t *buffer, uint64_t capacity);
int dw_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data,
             const char *folder);
int dw_unmount_all(const char *target);

enum { STEP_SIZE = 512, LAST_DESCRIPTOR = 255, REPORT = 200, BATCH = 20 };

/* ASAN_OPTIONS may add to these. */
const char *__asan_default_options(void) { return "exitcode=77:allocator_may_return_null=1:detect_leaks=0"; }
const char *__ubsan_default_options(void) { return "halt_on_error=1:exitcode=77:print_stacktrace=1"; }

static void must(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(2);
}

static char *load(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  must(fd, path);
  struct stat info;
  must(fstat(fd, &info), path);
  char *data = malloc((size_t)info.st_size);
  must(read_all(fd, data, (size_t)info.st_size), path);
  close(fd);
  *size = (size_t)info.st_size;
  return data;
}

static int count_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd <= LAST_DESCRIPTOR; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

/* Performs a copy of exactly `size` bytes, so that a byte read past its end is seen. */
static int perform_copy(const char *plan, size_t size, char *step, size_t step_size) {
  char *copy = malloc(size);
  memcpy(copy, plan, size);
  int result = dw_perform(copy, size, step, step_size);
  free(copy);
  return result;
}

static int perform(const char *path, char **command) {
  size_t size;
  char *plan = load(path, &size), step[STEP_SIZE] = "";
  must(dup3(STDOUT_FILENO, REPORT, O_CLOEXEC), "dup3");
  int before = count_descriptors();
  int result = perform_copy(plan, size, step, sizeof step);
  dprintf(REPORT, "%d %d %s\n", result, count_descriptors() - before, step);
  if (result < 0 || !*command) return 0;
  execvp(*command, command);
  dprintf(REPORT, "exec %s: %s\n", *command, strerror(errno));
  return 2;
}

/* The two ends of a socket between init and its monitor, neither of them STATUS. */
static void connect_monitor(int ends[2]) {
  int pair[2];
  must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
  for (int i = 0; i < 2; i++) must(ends[i] = fcntl(pair[i], F_DUPFD_CLOEXEC, STATUS + 1), "fcntl");
  for (int i = 0; i < 2; i++) close(pair[i]);
}

/* As the zygote's fork does before its plan. */
static void become_init(int socket) {
  must(setsid(), "setsid");
  must(dup3(socket, STATUS, O_CLOEXEC), "dup3");
  close(socket);
}

static int wait_for(pid_t child) {
  int status;
  must(child, "fork");
  while (waitpid(child, &status, 0) < 0) must(errno == EINTR ? 0 : -1, "waitpid");
  return status;
}

/* The terminal's master, which comes with `T`; -1 when the other end is closed before. */
static int receive_master(int from) {
  char byte;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {
      .msg_iov = &data,
      .msg_iovlen = 1,
      .msg_control = &control,
      .msg_controllen = sizeof control.space,
  };
  ssize_t size = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
  if (size == 0) return -1;
  must(size == 1 && byte == 'T' && CMSG_FIRSTHDR(&message) ? 0 : -1, "recvmsg");
  int master;
  memcpy(&master, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof master);
  return master;
}

/* Copies both ways until the terminal has no more processes. */
static void copy_terminal(int master) {
  struct pollfd files[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = master, .events = POLLIN}};
  char buffer[4096];
  for (;;) {
    must(poll(files, 2, -1), "poll");
    for (int i = 0; i < 2; i++) {
      if (!files[i].revents) continue;
      ssize_t size = read(files[i].fd, buffer, sizeof buffer);
      if (size <= 0 && i == 1) return; /* EIO */
      if (size <= 0) files[i].fd = -1;
      else must(write_all(i ? STDOUT_FILENO : master, buffer, (size_t)size), "write");
    }
  }
}

static int perform_in_terminal(const char *path, char **command) {
  int ends[2];
  connect_monitor(ends);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    become_init(ends[1]);
    _exit(perform(path, command));
  }
  close(ends[1]);
  int master = receive_master(ends[0]);
  char end;
  must(read(ends[0], &end, 1) == 0 ? 0 : -1, "read"); /* it has reported and runs COMMAND */
  if (master >= 0) copy_terminal(master);
  printf("status %d\n", wait_for(child));
  return 0;
}

static int truncate_everywhere(const char *path) {
  size_t size, wrong = 0;
  char *plan = load(path, &size);
  for (size_t length = 0; length < size; length++) {
    fflush(stdout); /* or the child would print it, too */
    pid_t child = fork();
    if (child == 0) {
      char step[STEP_SIZE] = "";
      int ends[2];
      connect_monitor(ends);
      become_init(ends[1]);
      must(dup3(STDOUT_FILENO, REPORT, O_CLOEXEC), "dup3");
      int before = count_descriptors();
      int result = perform_copy(plan, length, step, sizeof step);
      int leaked = count_descriptors() - before;
      if (result == -EBADMSG && leaked == 0) _exit(0);
      dprintf(REPORT, "%zu of %zu bytes: result %d, %d descriptors, step %s\n", length, size, result, leaked, step);
      _exit(1);
    }
    int status = wait_for(child);
    if (status == 0) continue;
    wrong++;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
      printf("%zu of %zu bytes: wait status %#x\n", length, size, (unsigned)status);
  }
  printf("%zu prefixes, %zu wrong\n", size, wrong);
  free(plan);
  return 0;
}

static uint64_t random_state;

/* xorshift64*: the same numbers for the same seed, everywhere. */
static uint32_t random_below(uint32_t limit) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (uint32_t)((random_state * 0x2545F4914F6CDD1D) >> 33) % limit;
}

static size_t mutate_copy(char *plan, size_t size) {
  for (uint32_t times = 1 + random_below(4); times > 0 && size >= 8; times--) {
    size_t at = random_below((uint32_t)size);
    uint32_t number = random_below(2) ? random_below(64) : UINT32_MAX - random_below(64);
    switch (random_below(5)) {
    case 0: plan[at] = (char)random_below(256); break;
    case 1: plan[at] ^= (char)(1 << random_below(8)); break;
    case 2: memcpy(plan + at % (size - 3), &number, sizeof number); break;
    case 3: memmove(plan + at, plan + random_below((uint32_t)size), 1); break;
    default: size -= random_below((uint32_t)(size / 8) + 1); break;
    }
  }
  return size;
}

/* One mutation in this process, which it may leave in any state: with limits of memory, too. */
static void perform_mutated(const char *plan, size_t size) {
  char *copy = malloc(size), *step = malloc(16);
  if (!copy || !step) _exit(0);
  memcpy(copy, plan, size);
  int result = perform_copy(copy, mutate_copy(copy, size), step, 16);
  if (result > 0 || (result < 0 && !memchr(step, 0, 16))) abort();
  free(copy);
  free(step);
}

/* An empty root of this process alone: what a mutated path names is not there. */
static void enter_empty_root(void) {
  must(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET), "unshare");
  must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
  must(mount("tmpfs", "/tmp", "tmpfs", 0, "size=1m"), "mount");
  must(chroot("/tmp"), "chroot");
  must(chdir("/"), "chdir");
}

static int mutate(const char *path, uint64_t seed, unsigned long count) {
  size_t size;
  unsigned long wrong = 0;
  char *plan = load(path, &size);
  enter_empty_root();
  for (unsigned long round = 0; round < count; round += BATCH) {
    fflush(stdout);
    pid_t child = fork(); /* takes milliseconds under ASan: one for many mutations */
    if (child == 0) {
      alarm(5);
      for (unsigned long next = round; next < round + BATCH; next++) {
        random_state = seed + next * 0x9E3779B97F4A7C15;
        perform_mutated(plan, size);
      }
      _exit(0);
    }
    int status = wait_for(child);
    if (status == 0) continue;
    wrong++;
    printf("from round %lu: wait status %#x\n", round, (unsigned)status);
  }
  printf("%lu mutations, %lu wrong\n", count, wrong);
  free(plan);
  return 0;
}

static int read_file(char **argv) {
  uint64_t capacity = strtoull(argv[4], NULL, 10);
  uint8_t *buffer = malloc(capacity);
  int before = count_descriptors();
  int64_t result = dw_read_in_root(argv[2], argv[3], buffer, capacity);
  printf("%lld %d ", (long long)result, count_descriptors() - before);
  if (result > 0) fwrite(buffer, 1, (size_t)result, stdout);
  putchar('\n');
  free(buffer);
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  alarm(20); /* nothing here waits */
  if (!strcmp(what, "perform") && argc > 2) return perform(argv[2], argv + 3);
  if (!strcmp(what, "terminal") && argc > 3) return perform_in_terminal(argv[2], argv + 3);
  if (!strcmp(what, "truncate") && argc == 3) return truncate_everywhere(argv[2]);
  if (!strcmp(what, "mutate") && argc == 5)
    return mutate(argv[2], strtoull(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
  if (!strcmp(what, "read") && argc == 5) return read_file(argv);
  if (!strcmp(what, "mount") && argc == 8) {
    printf("%d\n", dw_mount(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 10), argv[6], argv[7]));
    return 0;
  }
  if (!strcmp(what, "unmount") && argc == 3) {
    printf("%d\n", dw_unmount_all(argv[2]));
    return 0;
  }
  fprintf(stderr, "native_driver: unknown arguments\n");
  return 2;
}
