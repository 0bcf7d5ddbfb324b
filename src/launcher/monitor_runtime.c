/* COMMAND: an OCI runtime, its process group, and the process that it leaves. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "monitor.h"
#include "util.h"

/* A pid, and some space. */
enum { PID_FILE_SIZE = 32 };

/* Becomes COMMAND with these descriptors; its errno comes out of `failure`. */
static void __attribute__((noreturn)) become_command(char *const *command_line,
                                                     const int descriptors[STREAMS], int failure) {
  setpgid(0, 0);
  reset_signals();
  int result = 0;
  for (int i = 0; i < STREAMS && result >= 0; i++) result = dup2(descriptors[i], i);
  if (result >= 0) execv(command_line[0], command_line);
  (void)write_all(failure, &errno, sizeof(errno));
  _exit(127);
}

/* Forks COMMAND; -1, failed. */
static int spawn(struct monitor *monitor, const int descriptors[STREAMS]) {
  const char *program = monitor->command_line[0];
  int failure[2], error;
  if (pipe2(failure, O_CLOEXEC) < 0) return monitor_fail(monitor, (uint32_t)errno, "pipe2");
  cleanup_close int reading = failure[0];
  cleanup_close int writing = failure[1];
  pid_t child = fork();
  if (child == 0) become_command(monitor->command_line, descriptors, writing);
  if (child < 0) return monitor_fail(monitor, (uint32_t)errno, "fork");
  /* Here too: whoever signals the group first must find it. */
  setpgid(child, child);
  close_now(&writing);
  if (read_some(reading, &error, sizeof(error)) == (ssize_t)sizeof(error)) {
    waitpid(child, NULL, 0);
    return monitor_fail(monitor, (uint32_t)error, "exec %s", program);
  }
  monitor->command = child;
  return 0;
}

static int start(struct monitor *monitor) {
  cleanup_close int in = -1;
  cleanup_close int out = -1;
  cleanup_close int error = -1;
  if (unlink(monitor->pid_file) < 0 && errno != ENOENT)
    return monitor_fail(monitor, (uint32_t)errno, "unlink %s", monitor->pid_file);
  if (monitor->has_terminal && console_open(monitor) < 0) return -1;
  if ((in = streams_open_one(monitor, STREAM_IN, true)) < 0 ||
      (out = streams_open_one(monitor, STREAM_OUT, true)) < 0 ||
      (error = streams_open_one(monitor, STREAM_ERROR, true)) < 0)
    return -1;
  return spawn(monitor, (const int[STREAMS]){in, out, error});
}

void runtime_start(struct monitor *monitor) {
  if (start(monitor) < 0) monitor->over = true;
}

/* The pid that COMMAND wrote; -1, failed. */
static pid_t read_pid(struct monitor *monitor) {
  char text[PID_FILE_SIZE];
  long pid;
  cleanup_close int fd =
      open(monitor->pid_file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read_some(fd, text, sizeof(text));
  if (length < 0) return monitor_fail(monitor, (uint32_t)errno, "read %s", monitor->pid_file);
  if (length > 0 && text[length - 1] == '\n') length--;
  if (length < (ssize_t)sizeof(text)) {
    text[length] = '\0';
    if (parse_number(text, 1, INT_MAX, &pid)) return (pid_t)pid;
  }
  return monitor_fail(monitor, EINVAL, "read %s", monitor->pid_file);
}

/* Takes the process that COMMAND has left; -1, failed. */
static int take_process(struct monitor *monitor) {
  siginfo_t end;
  pid_t process = read_pid(monitor);
  if (process < 0) return -1;
  /* COMMAND itself is a child as well, until it is reaped. */
  errno = ECHILD;
  if (process == monitor->command ||
      waitid(P_PID, (id_t)process, &end, WEXITED | WNOHANG | WNOWAIT) < 0)
    return monitor_fail(monitor, (uint32_t)errno, "wait for process %d", process);
  console_read(monitor);
  if (monitor->has_terminal && monitor->terminal.master < 0)
    return monitor_fail(monitor, ENOTTY, "receive the terminal");
  monitor->pidfd = (int)syscall(SYS_pidfd_open, process, 0);
  if (monitor->pidfd < 0)
    return monitor_fail(monitor, (uint32_t)errno, "pidfd_open %d", process);
  monitor->process = process;
  return 0;
}

void runtime_end(struct monitor *monitor, const siginfo_t *end) {
  int code = monitor->doomed ? MONITOR_KILLED : exit_code(end);
  if (code == 0 && take_process(monitor) == 0) {
    monitor->command = 0;
    monitor_get_ready(monitor);
    return;
  }
  if (code != 0) monitor->refused = code;
  /* Before COMMAND is reaped its group can be no other's. */
  kill(-monitor->command, SIGKILL);
  monitor->command = 0;
  children_end(monitor);
  monitor->over = true;
}

void runtime_kill(struct monitor *monitor) {
  if (monitor->command == 0 || monitor->doomed) return;
  monitor->doomed = true;
  kill(-monitor->command, SIGKILL);
  children_kill();
}
