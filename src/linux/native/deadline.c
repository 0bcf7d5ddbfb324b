/*
 * The end of a process that has used all of its time on a processor: setrlimit(2), RLIMIT_CPU. SIGXCPU comes at
 * the soft limit; a process cannot tell from it which limit that was, so it is kept here.
 */
#define _GNU_SOURCE
#include "native.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

static volatile uint64_t deadline_seconds;

/* "cpu deadline reached: N s", by what signal-safety(7) allows. */
static void end_by_deadline(int signal) {
  char line[64] = "cpu deadline reached: ";
  char digits[20];
  size_t size = strlen(line), count = 0;
  uint64_t left = deadline_seconds;
  do digits[count++] = (char)('0' + left % 10);
  while (left /= 10);
  while (count > 0) line[size++] = digits[--count];
  memcpy(line + size, " s\n", 3);
  write_all(STDERR_FILENO, line, size + 3);
  _exit(128 + signal);
}

void take_cpu_deadline(void) {
  struct sigaction action = {.sa_handler = end_by_deadline, .sa_flags = SA_ONSTACK};
  sigfillset(&action.sa_mask);
  sigaction(SIGXCPU, &action, NULL);
}

void note_cpu_deadline(uint64_t seconds) { deadline_seconds = seconds; }

/* End this process with 128 + SIGXCPU when it has used `seconds` of processor time from now on. 0 or -errno. */
DW_EXPORT int dw_cpu_deadline(uint64_t seconds) {
  struct rusage used;
  struct rlimit limit;
  try_call(getrusage(RUSAGE_SELF, &used));
  try_call(getrlimit(RLIMIT_CPU, &limit));
  note_cpu_deadline(seconds);
  take_cpu_deadline();
  rlim_t end = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + seconds;
  if (limit.rlim_cur > end) limit.rlim_cur = end;
  return (int)or_errno(setrlimit(RLIMIT_CPU, &limit));
}
