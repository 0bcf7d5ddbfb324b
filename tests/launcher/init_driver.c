/*
 * Forks a stand-in for a container's init, then becomes its monitor, as the zygote does.
 *
 *     init_driver LAUNCHER ID SOCKET DIR STEP...
 *
 * Prints init's pid. Init performs the steps in order, then exits with 0:
 *
 *     ready          report R
 *     fail:N:TEXT    report F, errno N, TEXT, and exit with 1
 *     text:TEXT      report TEXT as it is
 *     close          end the report
 *     wait           wait for the start; exit with 90 when it does not come
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

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
  int status[2], start[2];
  char pid_text[16], status_text[16], start_text[16];
  sigset_t blocked;
  if (argc < 5) return 125;
  check(pipe2(status, O_CLOEXEC), "pipe2");
  check(pipe2(start, O_CLOEXEC), "pipe2");
  pid_t pid = fork();
  check(pid, "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(status[0]);
    close(start[1]);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    for (int i = 5; i < argc; i++) perform(argv[i], status[1], start[0]);
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
  execl(argv[1], "denowasi-monitor", "monitor", "--id", argv[2], "--pid", pid_text, "--status",
        status_text, "--start", start_text, "--socket", argv[3], "--dir", argv[4], NULL);
  check(-1, "exec");
}
