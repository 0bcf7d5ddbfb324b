/* What a supervisor may say to a monitor: lines over the control socket. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "monitor.h"
#include "util.h"

/* A terminal's sizes are 16 bits each. */
enum { MOST_CHARACTERS = 65535 };

/* What follows `word` and a space in `command`; NULL when it is another command. */
static const char *value_of(const char *command, const char *word) {
  size_t length = strlen(word);
  if (strncmp(command, word, length) != 0 || command[length] != ' ') return NULL;
  return command + length + 1;
}

static bool parse_size(const char *text, int *width, int *height) {
  char first[8];
  long w, h;
  size_t length = strcspn(text, " ");
  if (length >= sizeof(first) || text[length] == '\0') return false;
  memcpy(first, text, length);
  first[length] = '\0';
  if (!parse_number(first, 1, MOST_CHARACTERS, &w) ||
      !parse_number(text + length + 1, 1, MOST_CHARACTERS, &h))
    return false;
  *width = (int)w;
  *height = (int)h;
  return true;
}

/* Whether `command` is known; it is obeyed then. */
static bool obey(struct monitor *monitor, const char *command) {
  const char *value;
  long number;
  int width, height;
  if (strcmp(command, "start") == 0) {
    monitor->started = true;
    forked_start(monitor);
  } else if (strcmp(command, "close-stdin") == 0) {
    streams_close_stdin(monitor);
  } else if ((value = value_of(command, "kill")) != NULL) {
    if (!parse_number(value, 1, NSIG - 1, &number)) return false;
    monitor_kill(monitor, (int)number);
  } else if ((value = value_of(command, "resize")) != NULL) {
    if (!parse_size(value, &width, &height)) return false;
    terminal_resize(monitor, width, height);
  } else if ((value = value_of(command, "watch-memory")) != NULL) {
    if (value[0] != '/') return false;
    memory_watch(monitor, value);
  } else {
    return false;
  }
  return true;
}

void commands_read(struct monitor *monitor) {
  char *command = monitor->command_text;
  if (monitor->control < 0) return;
  ssize_t count = recv(monitor->control, command + monitor->command_length,
                       sizeof(monitor->command_text) - 1 - monitor->command_length, MSG_DONTWAIT);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    connection_lose(monitor);
    return;
  }
  monitor->command_length += (size_t)count;
  command[monitor->command_length] = '\0';
  for (char *newline; (newline = strchr(command, '\n')) != NULL; command = newline + 1) {
    *newline = '\0';
    if (!obey(monitor, command)) report("%s: unknown command: \"%s\"", monitor->key, command);
  }
  /* To obey may have been to lose the supervisor, and all it said. */
  if (monitor->control < 0) return;
  monitor->command_length = strlen(command);
  memmove(monitor->command_text, command, monitor->command_length + 1);
  if (monitor->command_length == sizeof(monitor->command_text) - 1) {
    report("%s: command too long: \"%.64s...\"", monitor->key, monitor->command_text);
    connection_lose(monitor);
  }
}
