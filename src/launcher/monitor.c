/* The process of a monitor: its command line, its descriptors and its loop. */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "commands.h"
#include "util.h"

static const char NAME[] = "denowasi-mon";

/* How long connecting or one send may take while the supervisor is busy. */
enum { SOCKET_TIMEOUT_S = 10 };

struct arguments {
  const char *id;
  const char *pid;
  const char *status;
  const char *start;
  const char *socket;
  const char *folder;
};

static int parse_arguments(struct arguments *arguments, struct monitor *monitor, int argc,
                           char *const *argv) {
  const struct flag flags[] = {
      {.name = "id", .text = &arguments->id},         {.name = "pid", .text = &arguments->pid},
      {.name = "status", .text = &arguments->status}, {.name = "start", .text = &arguments->start},
      {.name = "socket", .text = &arguments->socket}, {.name = "dir", .text = &arguments->folder},
  };
  const size_t count = sizeof(flags) / sizeof(flags[0]);
  long pid, status, start;

  for (size_t i = 0; i < count; i++) *flags[i].text = "";
  int next = flags_parse(flags, count, argc, argv);
  if (next < 0) return -1;
  if (next < argc) return report("argument after the flags: \"%s\"", argv[next]);
  for (size_t i = 0; i < count; i++)
    if ((*flags[i].text)[0] == '\0') return report("-%s: missing", flags[i].name);
  if (!parse_number(arguments->pid, 1, INT_MAX, &pid))
    return report("-pid: not a process: \"%s\"", arguments->pid);
  if (!parse_number(arguments->status, 3, INT_MAX, &status))
    return report("-status: not a descriptor above 2: \"%s\"", arguments->status);
  if (!parse_number(arguments->start, 3, INT_MAX, &start) || start == status)
    return report("-start: not another descriptor above 2: \"%s\"", arguments->start);
  if (arguments->folder[0] != '/') return report("-dir: not absolute: \"%s\"", arguments->folder);
  monitor->id = arguments->id;
  monitor->folder = arguments->folder;
  monitor->init = (pid_t)pid;
  monitor->status = (int)status;
  monitor->start = (int)start;
  return 0;
}

/* Undoes what the zygote's signal handling left: exec keeps the mask and what is ignored. */
static void reset_signals(void) {
  sigset_t none;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  /* A write to an init that is gone is no reason to end. */
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Closes all but stderr and the two pipes; 0 and 1 become /dev/null. */
static int keep_descriptors(const struct monitor *monitor) {
  unsigned int low = (unsigned int)monitor->status, high = (unsigned int)monitor->start;
  if (low > high) {
    low = high;
    high = (unsigned int)monitor->status;
  }
  if ((low > 3 && close_range(3, low - 1, 0) < 0) ||
      (high > low + 1 && close_range(low + 1, high - 1, 0) < 0) ||
      close_range(high + 1, UINT_MAX, 0) < 0)
    return report("close_range: %m");
  cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
    return report("open /dev/null: %m");
  return 0;
}

/* -1 when init is no child of this process: then nothing may be done to it. */
static int open_init(struct monitor *monitor) {
  siginfo_t end;
  if (waitid(P_PID, (id_t)monitor->init, &end, WEXITED | WNOHANG | WNOWAIT) < 0)
    return report("%s: init: wait for process %d: %m", monitor->id, monitor->init);
  monitor->pidfd = (int)syscall(SYS_pidfd_open, monitor->init, 0);
  if (monitor->pidfd < 0) {
    report("%s: init: pidfd_open %d: %m", monitor->id, monitor->init);
    kill(monitor->init, SIGKILL);
    return -1;
  }
  return 0;
}

static int connect_control(const char *path) {
  const struct timeval timeout = {.tv_sec = SOCKET_TIMEOUT_S};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  /* The timeout counts for connect(2) too: a full backlog must not hold the monitor up. */
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  int result;
  do result = connect(fd, (const struct sockaddr *)&address, sizeof(address));
  while (result < 0 && errno == EINTR);
  if (result == 0) return fd;
  close_now(&fd);
  return -1;
}

/* Serves until init has ended. */
static void watch(struct monitor *monitor) {
  for (;;) {
    /* poll(2) passes over the descriptors that are -1. */
    struct pollfd ready[] = {
        {.fd = monitor->status, .events = POLLIN},
        {.fd = monitor->control, .events = POLLIN},
        {.fd = monitor->pidfd, .events = POLLIN},
    };
    if (poll(ready, sizeof(ready) / sizeof(ready[0]), -1) < 0) continue;
    if (ready[0].revents != 0) monitor_read_status(monitor);
    if (ready[1].revents != 0 && monitor->control >= 0) monitor_read_control(monitor);
    if (ready[2].revents != 0) return;
    /* Without a supervisor nobody will start init, and nobody will end it. */
    if (monitor->control < 0 && !monitor->started)
      syscall(SYS_pidfd_send_signal, monitor->pidfd, SIGKILL, NULL, 0);
  }
}

int command_monitor(int argc, char *const *argv) {
  struct arguments arguments;
  struct monitor monitor = {.pidfd = -1, .control = -1};

  program_name = NAME;
  if (parse_arguments(&arguments, &monitor, argc, argv) < 0) return EXIT_USAGE;
  prctl(PR_SET_NAME, NAME);
  reset_signals();
  if (keep_descriptors(&monitor) < 0 || chdir("/") < 0 || open_init(&monitor) < 0)
    return EXIT_FAILED;
  monitor.control = connect_control(arguments.socket);
  if (monitor.control < 0) report("%s: connect %s: %m", monitor.id, arguments.socket);
  monitor_send(&monitor, "monitor %s\n", monitor.id);
  if (monitor.control < 0) syscall(SYS_pidfd_send_signal, monitor.pidfd, SIGKILL, NULL, 0);
  watch(&monitor);
  monitor_finish(&monitor);
  return EXIT_SUCCESS;
}
