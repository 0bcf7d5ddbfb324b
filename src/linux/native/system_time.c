/* Clocks and waiting. */
#define _GNU_SOURCE
#include "system.h"

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>

static int put_ns(struct timespec time, uint8_t *out) {
  uint64_t ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
  memcpy(out, &ns, sizeof ns);
  return 0;
}

/* u64 ns of `clock`, CLOCK_*. */
DW_EXPORT int dw_sys_clock_time(int clock, uint8_t *out, uint32_t at) {
  struct timespec time;
  try_call(clock_gettime(clock, &time));
  return put_ns(time, out + at);
}

DW_EXPORT int dw_sys_clock_resolution(int clock, uint8_t *out, uint32_t at) {
  struct timespec time;
  try_call(clock_getres(clock, &time));
  return put_ns(time, out + at);
}

/*
 * ppoll(2) of `count` struct pollfd (i32 descriptor, i16 events, i16 what was seen), for `timeout_ns` at most;
 * negative: for ever. How many have something, or -errno; -EINTR too.
 */
DW_EXPORT int dw_sys_poll(uint8_t *files, uint32_t count, int64_t timeout_ns) {
  struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
  return (int)or_errno(ppoll((struct pollfd *)files, count, timeout_ns < 0 ? NULL : &timeout, NULL));
}

/* Sleep for `ns`. -EINTR: not as long as that. */
DW_EXPORT int dw_sys_sleep(uint64_t ns) {
  struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
  return -clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

DW_EXPORT int dw_sys_yield(void) { return sched_yield(); }
