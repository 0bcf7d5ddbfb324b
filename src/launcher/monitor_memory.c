/*
 * A cgroup that runs out of memory. Version 1 has an eventfd(2) of memory.oom_control (cgroups-v1,
 * memory.rst, "OOM Control"), version 2 an inotify(7) event of memory.events; both files count.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "monitor.h"
#include "util.h"

/* The event of version 1 comes before the kill that it is of. */
enum { LOOK_MS = 50, LOOKS = 20 };

/* The line `oom_kill N` of the counter; -1 when it cannot be read. */
static long read_kills(const struct memory *memory) {
  static const char NAME[] = "oom_kill ";
  char text[4096];
  long kills;
  ssize_t length = pread(memory->counter, text, sizeof(text) - 1, 0);
  if (length < 0) return -1;
  text[length] = '\0';
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;)
    if (strncmp(line, NAME, strlen(NAME)) == 0 &&
        parse_number(line + strlen(NAME), 0, LONG_MAX, &kills))
      return kills;
  return -1;
}

/* -1 and errno when `folder` is none of version 1. */
static int watch_version_1(struct memory *memory, int folder) {
  char command[32];
  memory->counter = openat(folder, "memory.oom_control", O_RDONLY | O_CLOEXEC);
  if (memory->counter < 0) return -1;
  cleanup_close int control = openat(folder, "cgroup.event_control", O_WRONLY | O_CLOEXEC);
  memory->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (control < 0 || memory->event < 0) return -1;
  snprintf(command, sizeof(command), "%d %d", memory->event, memory->counter);
  return write_all(control, command, strlen(command));
}

static int watch_version_2(struct memory *memory, int folder) {
  char path[64];
  memory->counter = openat(folder, "memory.events", O_RDONLY | O_CLOEXEC);
  if (memory->counter < 0) return -1;
  memory->event = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (memory->event < 0) return -1;
  snprintf(path, sizeof(path), "/proc/self/fd/%d", memory->counter);
  return inotify_add_watch(memory->event, path, IN_MODIFY);
}

static void stop(struct memory *memory) {
  close_now(&memory->event);
  close_now(&memory->counter);
  memory->looks = 0;
}

void memory_watch(struct monitor *monitor, const char *path) {
  struct memory *memory = &monitor->memory;
  memory_look(monitor);
  stop(memory);
  cleanup_close int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int result = folder < 0 ? -1 : watch_version_1(memory, folder);
  if (folder >= 0 && result < 0 && memory->counter < 0 && errno == ENOENT)
    result = watch_version_2(memory, folder);
  if (result < 0) {
    report("%s: watch-memory %s: %m", monitor->key, path);
    stop(memory);
    return;
  }
  long kills = read_kills(memory);
  memory->kills = kills < 0 ? 0 : kills;
}

bool memory_look(struct monitor *monitor) {
  struct memory *memory = &monitor->memory;
  /* A supervisor that is lost is told when it is back. */
  if (memory->event < 0 || monitor->control < 0) return false;
  long kills = read_kills(memory);
  if (kills <= memory->kills) return false;
  memory->kills = kills;
  monitor_send(monitor, "oom\n");
  return true;
}

static void event_ready(struct monitor *monitor) {
  struct memory *memory = &monitor->memory;
  char events[sizeof(struct inotify_event) + NAME_MAX + 1];
  if (memory->event < 0) return;
  while (read_some(memory->event, events, sizeof(events)) > 0)
    ;
  memory->looks = memory_look(monitor) ? 0 : LOOKS;
  memory->look_ms = monotonic_ms() + LOOK_MS;
}

void memory_wait(struct monitor *monitor, struct turn *turn) {
  const struct memory *memory = &monitor->memory;
  turn_add(turn, memory->event, POLLIN, event_ready);
  if (memory->looks > 0) turn_wake(turn, memory->look_ms);
}

void memory_look_again(struct monitor *monitor) {
  struct memory *memory = &monitor->memory;
  if (memory->looks == 0 || monotonic_ms() < memory->look_ms) return;
  memory->looks = memory_look(monitor) ? 0 : memory->looks - 1;
  memory->look_ms = monotonic_ms() + LOOK_MS;
}
