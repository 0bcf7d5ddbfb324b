/* The process of a monitor: its descriptors and its loop. */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "commands.h"
#include "util.h"

static const char NAME[] = "denowasi-mon";

/* The state of a monitor that has nothing yet. */
static void init_state(struct monitor *monitor) {
  int *const descriptors[] = {
      &monitor->pidfd,           &monitor->status,         &monitor->start,
      &monitor->children,        &monitor->console,        &monitor->control,
      &monitor->terminal.master, &monitor->terminal.input, &monitor->terminal.output,
      &monitor->memory.event,    &monitor->memory.counter, &monitor->held[STREAM_IN],
      &monitor->held[STREAM_OUT], &monitor->held[STREAM_ERROR],
  };
  for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) *descriptors[i] = -1;
  monitor->refused = -1;
}

/* Closes all but stderr, and what a forked process is known by; 0 and 1 become /dev/null. */
static int keep_descriptors(const struct monitor *monitor) {
  /* Both are 2 when there are none. */
  unsigned int low = monitor->status < 0 ? 2 : (unsigned int)monitor->status;
  unsigned int high = monitor->start < 0 ? 2 : (unsigned int)monitor->start;
  if (low > high) {
    unsigned int swap = low;
    low = high;
    high = swap;
  }
  if ((low > 3 && close_range(3, low - 1, 0) < 0) ||
      (high > low + 1 && close_range(low + 1, high - 1, 0) < 0) ||
      close_range(high + 1, UINT_MAX, 0) < 0)
    return report("close_range: %m");
  return open_standard();
}

int monitor_fail(struct monitor *monitor, uint32_t error, const char *format, ...) {
  if (monitor->failed) return -1;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(monitor->failed_step, sizeof(monitor->failed_step), format, arguments);
  va_end(arguments);
  monitor->failed = true;
  monitor->failure = error;
  return -1;
}

void monitor_kill(struct monitor *monitor, int number) {
  if (monitor->pidfd >= 0) {
    /* A process that has ended takes it without effect, and is still known by its pidfd. */
    if (syscall(SYS_pidfd_send_signal, monitor->pidfd, number, NULL, 0) < 0)
      report("%s: signal %d: %m", monitor->key, number);
  } else if (number == SIGKILL) {
    runtime_kill(monitor);
  } else {
    report("%s: signal %d: no process is ready", monitor->key, number);
  }
}

void monitor_get_ready(struct monitor *monitor) {
  monitor->ready = true;
  if (monitor->stdin_over) streams_close_stdin(monitor);
  monitor_send(monitor, "ready %d\n", monitor->process);
}

static void end(struct monitor *monitor) {
  monitor->over = true;
}

/* Serves until the process has ended, or there will be none. */
static void watch(struct monitor *monitor) {
  while (!monitor->over) {
    struct turn turn = {0};
    turn_add(&turn, monitor->status, POLLIN, forked_read);
    turn_add(&turn, monitor->control, POLLIN, commands_read);
    turn_add(&turn, monitor->console, POLLIN, console_read);
    turn_add(&turn, monitor->children, POLLIN, children_reap);
    turn_add(&turn, monitor->pidfd, POLLIN, end);
    terminal_wait(monitor, &turn);
    memory_wait(monitor, &turn);
    connection_wait(monitor, &turn);
    turn_take(&turn, monitor);
    memory_look_again(monitor);
    connection_renew(monitor);
    /* Without a supervisor nobody will start the process, and nobody will end it. */
    if (monitor->control < 0 && !monitor->started && !monitor->over)
      monitor_kill(monitor, SIGKILL);
  }
}

/* Gets what a process needs, and COMMAND going. */
static void set_up(struct monitor *monitor) {
  connection_open(monitor);
  int opened = monitor->control < 0 ? -1 : streams_open(monitor);
  if (monitor->command_line == NULL) {
    if (opened < 0) monitor_kill(monitor, SIGKILL);
  } else if (opened == 0) {
    runtime_start(monitor);
  } else {
    end(monitor);
  }
}

int command_monitor(int argc, char *const *argv) {
  /* Static: the buffers in it take no memory until they are used. */
  static struct monitor monitor;

  program_name = NAME;
  init_state(&monitor);
  if (monitor_parse(&monitor, argc, argv) < 0) return EXIT_USAGE;
  prctl(PR_SET_NAME, NAME);
  reset_signals();
  /* A write to a process that is gone is no reason to end. */
  signal(SIGPIPE, SIG_IGN);
  if (keep_descriptors(&monitor) < 0 || chdir("/") < 0 || children_open(&monitor) < 0)
    return EXIT_FAILED;
  if (monitor.command_line == NULL) {
    if (forked_open(&monitor) < 0) return EXIT_FAILED;
  } else {
    /* What is sent to the supervisor's group is not for a process of a container. */
    setsid();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
      report("%s: become a subreaper: %m", monitor.key);
      return EXIT_FAILED;
    }
  }
  set_up(&monitor);
  watch(&monitor);
  monitor_finish(&monitor);
  return EXIT_SUCCESS;
}
