/* What a monitor says and does, by the line protocol of the control socket. */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "util.h"

/* The form of both the file `exit` and the end of the line `exit`. */
#define EXIT_FORMAT "%d %lld %ld\n"

static void signal_init(struct monitor *monitor, int number) {
  /* An init that has ended takes it without effect, and is still known by its pidfd. */
  if (syscall(SYS_pidfd_send_signal, monitor->pidfd, number, NULL, 0) < 0)
    report("%s: signal %d: %m", monitor->id, number);
}

void monitor_send(struct monitor *monitor, const char *format, ...) {
  char line[MONITOR_STEP_SIZE + 128];
  if (monitor->control < 0) return;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  for (int sent = 0; sent < length;) {
    ssize_t count = send(monitor->control, line + sent, (size_t)(length - sent), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      close_now(&monitor->control);
      return;
    }
    sent += (int)count;
  }
}

/* Whether init's report, which has ended, is a failure. */
static bool has_failed(const struct monitor *monitor) {
  return monitor->report_length >= 5 && monitor->report[0] == 'F';
}

void monitor_read_status(struct monitor *monitor) {
  /* What is too long for the report is read and dropped. */
  uint8_t rest[64];
  size_t left = sizeof(monitor->report) - monitor->report_length;
  uint8_t *next = left > 0 ? monitor->report + monitor->report_length : rest;
  ssize_t count = read_some(monitor->status, next, left > 0 ? left : sizeof(rest));

  if (count > 0 && left > 0) monitor->report_length += (size_t)count;
  if (monitor->report_length > 0 && monitor->report[0] == 'R') {
    close_now(&monitor->status);
    monitor_send(monitor, "ready %d\n", monitor->init);
  } else if (count <= 0) {
    /*
		 * A failure, or a death before any report: init ends by itself, unless it is
		 * not what it should be.
		 */
    close_now(&monitor->status);
    signal_init(monitor, SIGKILL);
  }
}

static void start_init(struct monitor *monitor) {
  if (monitor->start < 0) return;
  /* Fails only when init is gone: its exit will say so. */
  (void)write_all(monitor->start, "S", 1);
  close_now(&monitor->start);
  monitor->started = true;
}

static void obey(struct monitor *monitor, const char *command) {
  static const char KILL[] = "kill ";
  long number;
  if (strcmp(command, "start") == 0)
    start_init(monitor);
  else if (strncmp(command, KILL, strlen(KILL)) == 0 &&
           parse_number(command + strlen(KILL), 1, NSIG - 1, &number))
    signal_init(monitor, (int)number);
  else
    report("%s: unknown command: \"%s\"", monitor->id, command);
}

void monitor_read_control(struct monitor *monitor) {
  char *command = monitor->command;
  ssize_t count = read_some(monitor->control, command + monitor->command_length,
                            sizeof(monitor->command) - 1 - monitor->command_length);
  if (count <= 0) {
    close_now(&monitor->control);
    return;
  }
  monitor->command_length += (size_t)count;
  command[monitor->command_length] = '\0';
  for (char *newline; (newline = strchr(command, '\n')) != NULL; command = newline + 1) {
    *newline = '\0';
    obey(monitor, command);
  }
  monitor->command_length = strlen(command);
  memmove(monitor->command, command, monitor->command_length + 1);
  if (monitor->command_length == sizeof(monitor->command) - 1) {
    report("%s: command too long: \"%s\"", monitor->id, monitor->command);
    close_now(&monitor->control);
  }
}

/* Reaps init, which has ended; its exit code as a shell counts. */
static int reap(const struct monitor *monitor) {
  siginfo_t end = {0};
  while (waitid(P_PID, (id_t)monitor->init, &end, WEXITED) < 0 && errno == EINTR)
    ;
  return end.si_code == CLD_EXITED ? end.si_status : 128 + end.si_status;
}

/* Writes `text` to the file `exit` of the container's folder, whole or not at all. */
static void write_exit(const struct monitor *monitor, const char *text) {
  cleanup_close int folder = open(monitor->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) {
    report("%s: open %s: %m", monitor->id, monitor->folder);
    return;
  }
  cleanup_close int fd =
      openat(folder, ".exit", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || write_all(fd, text, strlen(text)) < 0 ||
      renameat(folder, ".exit", folder, "exit") < 0) {
    report("%s: write %s/exit: %m", monitor->id, monitor->folder);
    unlinkat(folder, ".exit", 0);
  }
}

/* Tells why init could not be made ready; it is dead and reaped by now. */
static void send_failure(struct monitor *monitor) {
  const uint8_t *data = monitor->report;
  uint32_t error =
      data[1] | (uint32_t)data[2] << 8 | (uint32_t)data[3] << 16 | (uint32_t)data[4] << 24;
  char step[MONITOR_STEP_SIZE + 1];
  size_t length = monitor->report_length - 5;
  for (size_t i = 0; i < length; i++) step[i] = data[5 + i] < ' ' ? ' ' : (char)data[5 + i];
  step[length] = '\0';
  monitor_send(monitor, "failed %u %s\n", error, step);
}

void monitor_finish(struct monitor *monitor) {
  struct timespec now;
  char text[64], rest[64];

  /* What init said before it ended comes before its end. */
  while (monitor->status >= 0 && readable(monitor->status)) monitor_read_status(monitor);
  int code = reap(monitor);
  clock_gettime(CLOCK_REALTIME, &now);
  snprintf(text, sizeof(text), EXIT_FORMAT, code, (long long)now.tv_sec, now.tv_nsec);
  write_exit(monitor, text);
  if (has_failed(monitor)) send_failure(monitor);
  monitor_send(monitor, "exit %s", text);
  if (monitor->control < 0) return;
  /*
	 * Closing with a command unread would reset the connection: refuse further ones, take
	 * what has come, then close.
	 */
  shutdown(monitor->control, SHUT_RD);
  while (recv(monitor->control, rest, sizeof(rest), MSG_DONTWAIT) > 0)
    ;
  close_now(&monitor->control);
}
