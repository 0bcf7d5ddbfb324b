// Sleeps for the given milliseconds (100 when absent); prints how long that was and what time it is:
// `slept MS` and `now SECONDS`.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_ms(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
  long ms = argc > 1 ? atol(argv[1]) : 100;
  struct timespec duration = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  double start_ms = now_ms(CLOCK_MONOTONIC);
  nanosleep(&duration, NULL);
  printf("slept %.3f\n", now_ms(CLOCK_MONOTONIC) - start_ms);
  printf("now %.3f\n", now_ms(CLOCK_REALTIME) / 1e3);
  return 0;
}
