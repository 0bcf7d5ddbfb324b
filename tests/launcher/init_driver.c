/*
 * Forks a stand-in for a container's init, then becomes its monitor, as the zygote does.
 *
 *     init_driver LAUNCHER FLAG... -- STEP...
 *
 * Prints init's pid. Init performs the steps in order, then exits with 0:
 *
 *     ready          report R
 *     fail:N:TEXT    report F, errno N, TEXT, and exit with 1
 *     text:TEXT      report TEXT as it is
 *     send:TEXT:N    report TEXT, with N descriptors
 *     terminal       make a pty the stdin, stdout and stderr, and report it
 *     close          end the report
 *     wait           wait for the start; exit with 90 when it does not come
 *     in:PATH        open the stdin
 *     out:PATH       open the stdout
 *     run:SCRIPT     become a shell that runs SCRIPT
 *     exit:N         exit with N
 *     signal:N       die of signal N
 *     ignore:N       ignore signal N
 *     sleep:MS       sleep
 *     pause          sleep for ever
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_DESCRIPTORS = 8 };

static void check(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  _exit(125);
}

static void put(int fd, const void *data, size_t length) {
  check((int)write(fd, data, length), "write");
}

static void die_of(int number) {
  const struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(number, SIG_DFL);
  raise(number);
}

static void send_descriptors(int socket, const char *text, size_t length, int fd, int count) {
  char control[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))] = {0};
  struct iovec part = {.iov_base = (char *)text, .iov_len = length};
  struct msghdr message = {
      .msg_iov = &part,
      .msg_iovlen = 1,
      .msg_control = control,
      .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)),
  };
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
  for (int i = 0; i < count; i++) memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof(int));
  check((int)sendmsg(socket, &message, 0), "sendmsg");
}

static void make_terminal(int status) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  check(master, "posix_openpt");
  check(unlockpt(master), "unlockpt");
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  check(slave, "open slave");
  setsid();
  check(ioctl(slave, TIOCSCTTY, 0), "TIOCSCTTY");
  for (int fd = 0; fd <= STDERR_FILENO; fd++) check(dup2(slave, fd), "dup2");
  send_descriptors(status, "T", 1, master, 1);
  close(master);
}

static void reopen(int fd, const char *path, int access) {
  int opened = open(path, access | O_CLOEXEC);
  check(opened, path);
  check(dup2(opened, fd), "dup2");
}

static void perform(const char *step, int status, int start) {
  const char *value = strchr(step, ':');
  int number = value != NULL ? atoi(value + 1) : 0;
  char byte;
  if (strcmp(step, "ready") == 0) {
    put(status, "R", 1);
    close(status);
  } else if (strncmp(step, "fail:", 5) == 0) {
    uint32_t error = (uint32_t)number;
    const char *text = strchr(value + 1, ':') + 1;
    put(status, "F", 1);
    put(status, &error, sizeof(error));
    put(status, text, strlen(text));
    _exit(1);
  } else if (strncmp(step, "text:", 5) == 0) {
    put(status, value + 1, strlen(value + 1));
  } else if (strncmp(step, "send:", 5) == 0) {
    const char *count = strrchr(step, ':');
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    send_descriptors(status, value + 1, (size_t)(count - value - 1), null, atoi(count + 1));
  } else if (strcmp(step, "terminal") == 0) {
    make_terminal(status);
  } else if (strncmp(step, "in:", 3) == 0) {
    reopen(STDIN_FILENO, value + 1, O_RDONLY);
  } else if (strncmp(step, "out:", 4) == 0) {
    reopen(STDOUT_FILENO, value + 1, O_WRONLY);
  } else if (strncmp(step, "run:", 4) == 0) {
    execl("/bin/sh", "sh", "-c", value + 1, NULL);
    _exit(127);
  } else if (strcmp(step, "close") == 0) {
    close(status);
  } else if (strcmp(step, "wait") == 0) {
    if (read(start, &byte, 1) != 1) _exit(90);
  } else if (strncmp(step, "exit:", 5) == 0) {
    _exit(number);
  } else if (strncmp(step, "signal:", 7) == 0) {
    die_of(number);
  } else if (strncmp(step, "ignore:", 7) == 0) {
    signal(number, SIG_IGN);
  } else if (strncmp(step, "sleep:", 6) == 0) {
    usleep((useconds_t)number * 1000);
  } else {
    for (;;) pause();
  }
}

int main(int argc, char **argv) {
  int status[2], start[2], steps = 2;
  char pid_text[16], status_text[16], start_text[16];
  sigset_t blocked;
  while (steps < argc && strcmp(argv[steps], "--") != 0) steps++;
  if (steps == argc) return 125;
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, status), "socketpair");
  check(pipe2(start, O_CLOEXEC), "pipe2");
  pid_t pid = fork();
  check(pid, "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(status[0]);
    close(start[1]);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    check(dup2(null, STDOUT_FILENO), "dup2");
    check(dup2(null, STDERR_FILENO), "dup2");
    for (int i = steps + 1; i < argc; i++) perform(argv[i], status[1], start[0]);
    _exit(0);
  }
  printf("%d\n", pid);
  fflush(stdout);
  /* What a monitor must undo: descriptors, signals. */
  check(open("/dev/zero", O_RDONLY), "open");
  check(fcntl(0, F_DUPFD, 100), "dup");
  signal(SIGUSR1, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  sigfillset(&blocked);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  fcntl(status[0], F_SETFD, 0);
  fcntl(start[1], F_SETFD, 0);
  snprintf(pid_text, sizeof(pid_text), "%d", pid);
  snprintf(status_text, sizeof(status_text), "%d", status[0]);
  snprintf(start_text, sizeof(start_text), "%d", start[1]);
  const char *own[] = {
      "denowasi-monitor", "monitor", "--pid",   pid_text,
      "--status",         status_text, "--start", start_text,
  };
  enum { OWN = sizeof(own) / sizeof(own[0]) };
  const char **arguments = calloc(OWN + (size_t)argc, sizeof(*arguments));
  if (arguments == NULL) return 125;
  memcpy(arguments, own, sizeof(own));
  memcpy(arguments + OWN, argv + 2, (size_t)(steps - 2) * sizeof(*arguments));
  execv(argv[1], (char **)arguments);
  check(-1, "exec");
}
