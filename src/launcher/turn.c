#include "turn.h"

#include "util.h"

void turn_add(struct turn *turn, int fd, short events, void (*handler)(struct monitor *monitor)) {
  if (fd < 0) return;
  turn->ready[turn->count] = (struct pollfd){.fd = fd, .events = events};
  turn->handlers[turn->count++] = handler;
}

void turn_wake(struct turn *turn, int64_t at_ms) {
  int64_t at = at_ms > 0 ? at_ms : 1;
  if (turn->wake_ms == 0 || at < turn->wake_ms) turn->wake_ms = at;
}

void turn_take(struct turn *turn, struct monitor *monitor) {
  int timeout = -1;
  if (turn->wake_ms > 0) {
    int64_t left = turn->wake_ms - monotonic_ms();
    timeout = left < 0 ? 0 : (int)left;
  }
  if (poll(turn->ready, turn->count, timeout) < 0) return;
  for (nfds_t i = 0; i < turn->count; i++)
    if (turn->ready[i].revents != 0) turn->handlers[i](monitor);
}
