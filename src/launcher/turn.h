/* One turn of a loop around poll(2). */
#ifndef DENOWASI_TURN_H
#define DENOWASI_TURN_H

#include <poll.h>
#include <stdint.h>

struct monitor;

enum { TURN_DESCRIPTORS = 16 };

/* What it waits for, and who takes it; all zero: nothing yet. */
struct turn {
  struct pollfd ready[TURN_DESCRIPTORS];
  void (*handlers[TURN_DESCRIPTORS])(struct monitor *monitor);
  nfds_t count;
  /* When to go on without any, of CLOCK_MONOTONIC; 0: never. */
  int64_t wake_ms;
};

/* Waits for `fd` too, unless it is -1. */
void turn_add(struct turn *turn, int fd, short events, void (*handler)(struct monitor *monitor));

/* Waits no longer than until `at_ms`. */
void turn_wake(struct turn *turn, int64_t at_ms);

/* Waits, and has what has come handled, in the order in which it was added. */
void turn_take(struct turn *turn, struct monitor *monitor);

#endif
