/* The command line of a monitor. */
#include <string.h>

#include "flags.h"
#include "monitor.h"
#include "util.h"

struct arguments {
  const char *pid;
  const char *status;
  const char *start;
  const char *terminal;
};

/* Checks what a forked process is known by; -1, reported. */
static int parse_forked(struct monitor *monitor, const struct arguments *arguments) {
  long pid, status, start;
  if (arguments->pid[0] == '\0') return report("-pid: missing");
  if (arguments->status[0] == '\0') return report("-status: missing");
  if (arguments->start[0] == '\0') return report("-start: missing");
  if (monitor->console_path[0] != '\0')
    return report("-console: not without -pid-file: \"%s\"", monitor->console_path);
  if (!parse_number(arguments->pid, 1, INT_MAX, &pid))
    return report("-pid: not a process: \"%s\"", arguments->pid);
  if (!parse_number(arguments->status, 3, INT_MAX, &status))
    return report("-status: not a descriptor above 2: \"%s\"", arguments->status);
  if (!parse_number(arguments->start, 3, INT_MAX, &start) || start == status)
    return report("-start: not another descriptor above 2: \"%s\"", arguments->start);
  monitor->process = (pid_t)pid;
  monitor->status = (int)status;
  monitor->start = (int)start;
  return 0;
}

/* Checks what belongs to COMMAND; -1, reported. */
static int parse_runtime(struct monitor *monitor, const struct arguments *arguments) {
  static const char FORMAT[] = "-%s: not with -pid-file: \"%s\"";
  const char *const *command = (const char *const *)monitor->command_line;
  if (arguments->pid[0] != '\0') return report(FORMAT, "pid", arguments->pid);
  if (arguments->status[0] != '\0') return report(FORMAT, "status", arguments->status);
  if (arguments->start[0] != '\0') return report(FORMAT, "start", arguments->start);
  if (command == NULL) return report("COMMAND: missing after the flags");
  if (command[0][0] != '/') return report("COMMAND: not absolute: \"%s\"", command[0]);
  if (monitor->has_terminal && monitor->console_path[0] == '\0')
    return report("-terminal: not without -console: \"%s\"", arguments->terminal);
  if (!monitor->has_terminal && monitor->console_path[0] != '\0')
    return report("-console: not without -terminal 1: \"%s\"", monitor->console_path);
  return 0;
}

int monitor_parse(struct monitor *monitor, int argc, char *const *argv) {
  struct arguments arguments;
  /* Those after `required` may be missing; those before `paths` are no paths. */
  const struct flag flags[] = {
      {.name = "key", .text = &monitor->key},
      {.name = "socket", .text = &monitor->socket},
      {.name = "dir", .text = &monitor->folder},
      {.name = "stdin", .text = &monitor->streams[STREAM_IN]},
      {.name = "stdout", .text = &monitor->streams[STREAM_OUT]},
      {.name = "stderr", .text = &monitor->streams[STREAM_ERROR]},
      {.name = "pid-file", .text = &monitor->pid_file},
      {.name = "console", .text = &monitor->console_path},
      {.name = "terminal", .text = &arguments.terminal},
      {.name = "pid", .text = &arguments.pid},
      {.name = "status", .text = &arguments.status},
      {.name = "start", .text = &arguments.start},
  };
  enum { FIRST_PATH = 1, REQUIRED = 3, PATHS_END = 8 };
  const size_t count = sizeof(flags) / sizeof(flags[0]);

  for (size_t i = 0; i < count; i++) *flags[i].text = "";
  int next = flags_parse(flags, count, argc, argv);
  if (next < 0) return -1;
  for (size_t i = 0; i < REQUIRED; i++)
    if ((*flags[i].text)[0] == '\0') return report("-%s: missing", flags[i].name);
  for (size_t i = FIRST_PATH; i < PATHS_END; i++) {
    const char *path = *flags[i].text;
    if (path[0] != '\0' && path[0] != '/')
      return report("-%s: not absolute: \"%s\"", flags[i].name, path);
  }
  monitor->has_terminal = strcmp(arguments.terminal, "1") == 0;
  if (!monitor->has_terminal && arguments.terminal[0] != '\0' &&
      strcmp(arguments.terminal, "0") != 0)
    return report("-terminal: not 0 or 1: \"%s\"", arguments.terminal);
  if (monitor->pid_file[0] != '\0') {
    monitor->command_line = next < argc ? argv + next : NULL;
    return parse_runtime(monitor, &arguments);
  }
  if (next < argc) return report("argument after the flags: \"%s\"", argv[next]);
  return parse_forked(monitor, &arguments);
}
