/* The copy between a terminal and the streams of its process: pty(7), ioctl_tty(2). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "monitor.h"
#include "util.h"

/* When to ask again whether a process has the terminal open: it may open it anew. */
enum { RETRY_MS = 50 };
/* How long nobody may read the output once the process has ended. */
enum { DRAIN_MS = 2000 };
/*
 * More than the kernel holds of a pty's output (8 KiB and 4 KiB): what comes after that was written
 * by others, after the process's end.
 */
enum { DRAIN_SIZE = 65536 };

static bool is_empty(const struct buffer *buffer) {
  return buffer->start == buffer->end;
}

static bool is_full(const struct buffer *buffer) {
  return buffer->end == sizeof(buffer->data);
}

/* Reads what fits, as read(2) does; there must be room. */
static ssize_t fill(int fd, struct buffer *buffer) {
  ssize_t count = read_some(fd, buffer->data + buffer->end, sizeof(buffer->data) - buffer->end);
  if (count > 0) buffer->end += (size_t)count;
  return count;
}

/* Writes what it takes; -1 and errno when that is not all. */
static int empty(int fd, struct buffer *buffer) {
  while (!is_empty(buffer)) {
    ssize_t count = write(fd, buffer->data + buffer->start, buffer->end - buffer->start);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    buffer->start += (size_t)count;
  }
  buffer->start = buffer->end = 0;
  return 0;
}

/* Nobody has the terminal open. */
static void pause_master(struct terminal *terminal) {
  terminal->retry_ms = monotonic_ms() + RETRY_MS;
}

static void write_master(struct terminal *terminal) {
  if (empty(terminal->master, &terminal->in) < 0 && errno != EAGAIN) pause_master(terminal);
}

static void write_output(struct monitor *monitor) {
  struct terminal *terminal = &monitor->terminal;
  if (terminal->output >= 0 && empty(terminal->output, &terminal->out) < 0 && errno != EAGAIN) {
    report("%s: write %s: %m", monitor->key, monitor->streams[STREAM_OUT]);
    close_now(&terminal->output);
  }
  /* The process goes on without anyone to read it. */
  if (terminal->output < 0) terminal->out.start = terminal->out.end = 0;
}

static void input_ready(struct monitor *monitor) {
  struct terminal *terminal = &monitor->terminal;
  ssize_t count = fill(terminal->input, &terminal->in);
  if (count == 0 || (count < 0 && errno != EAGAIN)) close_now(&terminal->input);
  if (count > 0) write_master(terminal);
}

static void master_ready(struct monitor *monitor) {
  struct terminal *terminal = &monitor->terminal;
  write_master(terminal);
  if (is_full(&terminal->out)) return;
  ssize_t count = fill(terminal->master, &terminal->out);
  if (count == 0 || (count < 0 && errno != EAGAIN)) pause_master(terminal);
  if (count > 0) write_output(monitor);
}

void terminal_wait(struct monitor *monitor, struct turn *turn) {
  struct terminal *terminal = &monitor->terminal;
  if (terminal->master < 0) return;
  if (!is_full(&terminal->in)) turn_add(turn, terminal->input, POLLIN, input_ready);
  if (!is_empty(&terminal->out)) turn_add(turn, terminal->output, POLLOUT, write_output);
  short events = (short)((is_full(&terminal->out) ? 0 : POLLIN) |
                         (is_empty(&terminal->in) ? 0 : POLLOUT));
  if (monotonic_ms() < terminal->retry_ms)
    turn_wake(turn, terminal->retry_ms);
  else if (events != 0) /* poll(2) tells of a hang-up even when nothing is asked */
    turn_add(turn, terminal->master, events, master_ready);
}

static void set_size(struct monitor *monitor) {
  struct terminal *terminal = &monitor->terminal;
  if (terminal->master < 0 || terminal->size.ws_col == 0) return;
  if (ioctl(terminal->master, TIOCSWINSZ, &terminal->size) < 0)
    report("%s: resize: %m", monitor->key);
}

void terminal_resize(struct monitor *monitor, int width, int height) {
  if (!monitor->has_terminal) {
    report("%s: resize %d %d: no terminal", monitor->key, width, height);
    return;
  }
  monitor->terminal.size =
      (struct winsize){.ws_col = (unsigned short)width, .ws_row = (unsigned short)height};
  set_size(monitor);
}

void terminal_take(struct monitor *monitor, int master) {
  unsigned int number;
  int flags = fcntl(master, F_GETFL);
  if (!monitor->has_terminal || ioctl(master, TIOCGPTN, &number) < 0 ||
      fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0) {
    report("%s: terminal: not wanted, or no master of a pty", monitor->key);
    close_now(&master);
    return;
  }
  monitor->terminal.master = master;
  set_size(monitor);
}

void terminal_drain(struct monitor *monitor) {
  struct terminal *terminal = &monitor->terminal;
  size_t left = DRAIN_SIZE;
  if (terminal->master < 0) return;
  for (;;) {
    /* EAGAIN: all that was written has been read. */
    if (!is_full(&terminal->out) && left > 0) {
      ssize_t count = fill(terminal->master, &terminal->out);
      left = count <= 0 || (size_t)count > left ? 0 : left - (size_t)count;
    }
    write_output(monitor);
    if (is_empty(&terminal->out)) {
      if (left == 0) return;
      continue;
    }
    struct pollfd ready = {.fd = terminal->output, .events = POLLOUT};
    int count = poll(&ready, 1, DRAIN_MS);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      report("%s: output is left that nobody reads", monitor->key);
      return;
    }
  }
}
