/* The process that was forked before its monitor: its report and its start. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "monitor.h"
#include "socket.h"
#include "util.h"

int forked_open(struct monitor *monitor) {
  siginfo_t end;
  if (waitid(P_PID, (id_t)monitor->process, &end, WEXITED | WNOHANG | WNOWAIT) < 0)
    return report("%s: wait for process %d: %m", monitor->key, monitor->process);
  monitor->pidfd = (int)syscall(SYS_pidfd_open, monitor->process, 0);
  if (monitor->pidfd < 0) {
    report("%s: pidfd_open %d: %m", monitor->key, monitor->process);
    kill(monitor->process, SIGKILL);
    return -1;
  }
  return 0;
}

/* Takes the terminal that comes before the report, if this is it: `T` and a descriptor. */
static void take_terminal(struct monitor *monitor, int descriptor) {
  if (monitor->report_length > 0 && monitor->report[0] == 'T' && descriptor >= 0 &&
      monitor->terminal.master < 0) {
    memmove(monitor->report, monitor->report + 1, --monitor->report_length);
    terminal_take(monitor, descriptor);
  } else {
    close_now(&descriptor);
  }
}

/* The process says that it is set up. */
static void take_ready(struct monitor *monitor) {
  close_now(&monitor->status);
  if (monitor->has_terminal && monitor->terminal.master < 0)
    monitor_fail(monitor, ENOTTY, "receive the terminal");
  if (monitor->failed)
    monitor_kill(monitor, SIGKILL);
  else
    monitor_get_ready(monitor);
}

void forked_read(struct monitor *monitor) {
  /* What is too long for the report is read and dropped. */
  uint8_t rest[64];
  int descriptor;
  if (monitor->status < 0) return;
  size_t left = sizeof(monitor->report) - monitor->report_length;
  uint8_t *next = left > 0 ? monitor->report + monitor->report_length : rest;
  ssize_t count =
      receive_descriptor(monitor->status, next, left > 0 ? left : sizeof(rest), &descriptor);
  if (count < 0 && errno == EAGAIN) return;

  if (count > 0 && left > 0) monitor->report_length += (size_t)count;
  take_terminal(monitor, descriptor);
  if (monitor->report_length > 0 && monitor->report[0] == 'R') {
    take_ready(monitor);
  } else if (count <= 0) {
    /*
     * A failure, or a death before any report: the process ends by itself, unless it is
     * not what it should be.
     */
    close_now(&monitor->status);
    monitor_kill(monitor, SIGKILL);
  }
}

void forked_start(struct monitor *monitor) {
  if (monitor->start < 0) return;
  /* Fails only when the process is gone: its exit will say so. */
  (void)write_all(monitor->start, "S", 1);
  close_now(&monitor->start);
}

void forked_fail(struct monitor *monitor) {
  /* What it said before it ended comes before its end. */
  while (monitor->status >= 0 && readable(monitor->status)) forked_read(monitor);
  const uint8_t *data = monitor->report;
  if (monitor->report_length < 5 || data[0] != 'F') return;
  uint32_t error =
      data[1] | (uint32_t)data[2] << 8 | (uint32_t)data[3] << 16 | (uint32_t)data[4] << 24;
  monitor_fail(monitor, error, "%.*s", (int)(monitor->report_length - 5), data + 5);
}
