/* What a fork of the zygote becomes: the monitor, and its child, the process of a container. */
#define _GNU_SOURCE
#include "zygote.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static void take_signals(void) {
  end_by_signals();
  take_cpu_deadline();
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(SIGCHLD, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL); /* a closed stdout is EPIPE, as WASI has it */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void name_process(const char *module) {
  const char *slash = strrchr(module, '/');
  prctl(PR_SET_NAME, slash ? slash + 1 : module, 0, 0, 0); /* cut at 15 bytes */
}

static void __attribute__((noreturn)) report_failure(int status, int failed, const char *step) {
  uint8_t head[5] = {'F'};
  uint32_t number = (uint32_t)-failed;
  memcpy(head + 1, &number, sizeof number);
  if (write_all(status, head, sizeof head) == 0) write_all(status, step, strlen(step));
  _exit(1);
}

/* While init performs its plan. The last two are open in one that will be a runtime of its own. */
enum { START = STATUS + 1, OWN_FOLDER, OWN_HANDED, PLAN_FDS };

/* Container's init: perform the plan, report, wait. Returns when the module may run. */
static void become_init(const struct request *request, int status, int start, int failed, const char *step) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  int handed = request->served ? hand_over(request) : 0;
  int high_status = fcntl(status, F_DUPFD, PLAN_FDS), high_start = fcntl(start, F_DUPFD, PLAN_FDS);
  if (request->served) {
    int high_handed = fcntl(handed, F_DUPFD, PLAN_FDS);
    dup3(FOLDER, OWN_FOLDER, O_CLOEXEC);
    dup3(high_handed, OWN_HANDED, O_CLOEXEC);
  }
  dup2(high_status, STATUS);
  dup2(high_start, START);
  syscall(SYS_close_range, request->served ? PLAN_FDS : OWN_FOLDER, ~0U, 0);
  if (failed < 0) report_failure(STATUS, failed, step);
  if (handed < 0) report_failure(STATUS, handed, "hand the program over");
  take_signals();
  name_process(request->module.data);
  char failing[512] = "";
  failed = perform_plan(request->served ? request->served_plan : request->init_plan, failing, sizeof failing);
  if (failed < 0) report_failure(STATUS, failed, failing);
  failed = request->served ? find_runtime(OWN_FOLDER) : 0;
  if (failed < 0) report_failure(STATUS, failed, "find the runtime by /proc, which must be mounted");
  char byte = 'R';
  if (write_all(STATUS, &byte, 1) < 0 || close(STATUS) < 0) _exit(1);
  if (read_all(START, &byte, 1) < 0) _exit(1); /* the monitor is gone, or has no start for us */
  close(START);
  if (request->served) {
    failed = exec_runtime(OWN_FOLDER, OWN_HANDED);
    dprintf(STDERR_FILENO, "exec the runtime: %s\n", strerror(-failed));
    _exit(1);
  }
}

static int keep_on_exec(int fd) { return fcntl(fd, F_SETFD, 0); }

/* Become the monitor of `init`, which is this process's child. */
static void __attribute__((noreturn)) exec_monitor(const struct request *request, pid_t init, int status,
                                                   int start) {
  char numbers[3][16];
  snprintf(numbers[0], sizeof numbers[0], "%d", init);
  snprintf(numbers[1], sizeof numbers[1], "%d", status);
  snprintf(numbers[2], sizeof numbers[2], "%d", start);
  keep_on_exec(status);
  keep_on_exec(start);
  const char *own[] = {
      "denowasi-monitor", "monitor", "--pid",    numbers[0],
      "--status",         numbers[1], "--start", numbers[2],
  };
  enum { OWN = sizeof own / sizeof *own };
  const char *arguments[OWN + MAX_ARGUMENTS + 1];
  memcpy(arguments, own, sizeof own);
  memcpy(arguments + OWN, request->arguments, request->argument_count * sizeof *arguments);
  arguments[OWN + request->argument_count] = NULL;
  char *environment[] = {NULL};
  execve(request->launcher.data, (char **)arguments, environment);
  _exit(127); /* init dies with this process */
}

/* The process between: forks init into its pid namespace, then becomes the monitor. Returns only in init. */
static void become_monitor(const struct request *request, int status[2], int start[2]) {
  char step[512] = "";
  setsid();
  signal(SIGCHLD, SIG_DFL);
  cleanup_fd int own_namespace = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  int failed = perform_plan(request->monitor_plan, step, sizeof step);
  pid_t init = fork();
  if (init < 0 && failed >= 0) {
    /* As into a pid namespace whose init has just ended. One of this namespace reports it. */
    failed = -errno;
    strcpy(step, "fork");
    syscall(SYS_setns, own_namespace, CLONE_NEWPID);
    init = fork();
  }
  if (init == 0) {
    become_init(request, status[1], start[0], failed, step);
    own_namespace = -1; /* closed by now */
    return;
  }
  if (init < 0) _exit(1);
  exec_monitor(request, init, status[0], start[1]);
}

int fork_container(const struct request *request) {
  int status[2], start[2];
  try_call(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, status));
  cleanup_fd int monitor_status = status[0], init_status = status[1];
  try_call(pipe2(start, O_CLOEXEC));
  cleanup_fd int start_read = start[0], start_write = start[1];
  pid_t monitor = fork();
  if (monitor < 0) return -errno;
  if (monitor > 0) return 0;
  become_monitor(request, status, start);
  /* Init from here on: these numbers were closed, and must not be closed again. */
  monitor_status = init_status = start_read = start_write = -1;
  return 1;
}
