/* The children of a monitor: those it forked, and those that lost their parent below it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#include "monitor.h"
#include "util.h"

/* How long ending what COMMAND began may take, and how often to look for more of it. */
enum { END_MS = 2000, LOOK_MS = 50 };

static sigset_t child_signal(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  return signals;
}

int children_open(struct monitor *monitor) {
  const sigset_t signals = child_signal();
  sigprocmask(SIG_BLOCK, &signals, NULL);
  monitor->children = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  return monitor->children < 0 ? report("%s: signalfd: %m", monitor->key) : 0;
}

int exit_code(const siginfo_t *end) {
  return end->si_code == CLD_EXITED ? end->si_status : 128 + end->si_status;
}

/* Whether COMMAND still runs. */
static bool runs_command(struct monitor *monitor) {
  siginfo_t end = {0};
  if (monitor->command == 0) return false;
  waitid(P_PID, (id_t)monitor->command, &end, WEXITED | WNOHANG | WNOWAIT);
  if (end.si_pid == 0) return true;
  runtime_end(monitor, &end);
  return false;
}

void children_reap(struct monitor *monitor) {
  struct signalfd_siginfo signals[8];
  while (read_some(monitor->children, signals, sizeof(signals)) > 0)
    ;
  /* Till COMMAND has ended, any of them may be the process. */
  if (runs_command(monitor)) return;
  for (;;) {
    siginfo_t end = {0};
    /* A look first: the process, once it has ended, stays to the last. */
    if (waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid == 0 ||
        end.si_pid == monitor->process)
      return;
    waitid(P_PID, (id_t)end.si_pid, &end, WEXITED | WNOHANG);
  }
}

void children_kill(void) {
  char text[4096];
  cleanup_close int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    report("open /proc/thread-self/children: %m");
    return;
  }
  ssize_t length = read_some(fd, text, sizeof(text) - 1);
  if (length <= 0) return;
  text[length] = '\0';
  /* Each pid has a space after it, unless it is cut off. None can mean another: none is reaped. */
  char *next = text;
  for (;;) {
    pid_t child = (pid_t)strtol(next, &next, 10);
    if (child <= 0 || *next != ' ') return;
    kill(child, SIGKILL);
  }
}

/* Reaps what has ended; whether a child is left. */
static bool reap_all(void) {
  for (;;) {
    siginfo_t end = {0};
    if (waitid(P_ALL, 0, &end, WEXITED | WNOHANG) < 0) return false;
    if (end.si_pid == 0) return true;
  }
}

void children_end(const struct monitor *monitor) {
  const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
  const sigset_t signals = child_signal();
  int64_t deadline = monotonic_ms() + END_MS;
  for (;;) {
    children_kill();
    if (!reap_all()) return;
    if (monotonic_ms() > deadline) break;
    sigtimedwait(&signals, NULL, &pause);
  }
  report("%s: processes are left that do not end", monitor->key);
}
