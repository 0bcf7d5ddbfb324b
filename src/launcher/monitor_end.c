/* How a monitor ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "monitor.h"
#include "util.h"

/* The form of both the file `exit` and the end of the line `exit`. */
#define EXIT_FORMAT "%d %lld %ld\n"

/* Reaps the process, which has ended; its exit code. */
static int reap(struct monitor *monitor) {
  siginfo_t end = {0};
  while (waitid(P_PID, (id_t)monitor->process, &end, WEXITED) < 0 && errno == EINTR)
    ;
  monitor->process = 0;
  return exit_code(&end);
}

/* The exit code of what there was. */
static int end_code(struct monitor *monitor) {
  if (monitor->process > 0) return reap(monitor);
  return monitor->refused >= 0 ? monitor->refused : MONITOR_KILLED;
}

/* Writes `text` to the file `exit` of the container's folder, whole or not at all. */
static void write_exit(const struct monitor *monitor, const char *text) {
  cleanup_close int folder = open(monitor->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) {
    report("%s: open %s: %m", monitor->key, monitor->folder);
    return;
  }
  cleanup_close int fd =
      openat(folder, ".exit", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || write_all(fd, text, strlen(text)) < 0 ||
      renameat(folder, ".exit", folder, "exit") < 0) {
    report("%s: write %s/exit: %m", monitor->key, monitor->folder);
    unlinkat(folder, ".exit", 0);
  }
}

/* Tells why there is no process, in one line. */
static void send_failure(struct monitor *monitor) {
  for (char *next = monitor->failed_step; *next != '\0'; next++)
    if ((unsigned char)*next < ' ') *next = ' ';
  monitor_send(monitor, "failed %u %s\n", monitor->failure, monitor->failed_step);
}

void monitor_finish(struct monitor *monitor) {
  struct timespec now;
  char text[64];

  clock_gettime(CLOCK_REALTIME, &now);
  forked_fail(monitor);
  console_close(monitor);
  terminal_drain(monitor);
  int code = end_code(monitor);
  children_reap(monitor);
  streams_release(monitor);
  snprintf(text, sizeof(text), EXIT_FORMAT, code, (long long)now.tv_sec, now.tv_nsec);
  write_exit(monitor, text);
  memory_look(monitor);
  if (monitor->failed)
    send_failure(monitor);
  else if (monitor->refused >= 0)
    monitor_send(monitor, "refused %d\n", monitor->refused);
  monitor_send(monitor, "exit %s", text);
  connection_close(monitor);
}
