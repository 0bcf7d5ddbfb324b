/* For the runtime that serves a program inside of a sandbox: its signals, and its last filter of system calls. */
#define _GNU_SOURCE
#include "zygote.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

static struct sigaction interrupt;
static unsigned grace_s;

/* The runtime's own handler tells its event loop, which a guest may keep busy: then the alarm ends it. */
static void interrupted(int signal, siginfo_t *info, void *context) {
  alarm(grace_s);
  if (interrupt.sa_flags & SA_SIGINFO)
    interrupt.sa_sigaction(signal, info, context);
  else if (interrupt.sa_handler != SIG_DFL && interrupt.sa_handler != SIG_IGN)
    interrupt.sa_handler(signal);
}

static void out_of_time(int signal) {
  (void)signal;
  _exit(0);
}

/*
 * Take the signals that were held back since before the exec: SIGINT goes to the handler that the runtime has installed,
 * and ends the process with 0 after `grace` seconds; any other ends it at once. 0 or -errno.
 */
DW_EXPORT int dw_served_signals(uint32_t grace) {
  sigset_t ending;
  struct sigaction late = {.sa_handler = out_of_time, .sa_flags = SA_ONSTACK};
  struct sigaction chain = {.sa_sigaction = interrupted, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  grace_s = grace;
  try_call(sigaction(SIGINT, NULL, &interrupt));
  end_by_signals();
  take_cpu_deadline();
  try_call(sigaction(SIGINT, &chain, NULL));
  try_call(sigaction(SIGALRM, &late, NULL));
  ending_signals(&ending);
  try_call(sigprocmask(SIG_UNBLOCK, &ending, NULL));
  return 0;
}

/* Load a filter, an array of struct sock_filter, for all threads. 0 or -errno. */
DW_EXPORT int dw_served_lock(const uint8_t *bytes, uint64_t size) {
  if (size % sizeof(struct sock_filter) || size > 65535 * sizeof(struct sock_filter)) return -EINVAL;
  cleanup_free struct sock_filter *filter = malloc(size);
  if (!filter) return -ENOMEM;
  memcpy(filter, bytes, size); /* for its alignment */
  struct sock_fprog program = {.len = (unsigned short)(size / sizeof *filter), .filter = filter};
  long thread = or_errno(
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
  return thread > 0 ? -EBUSY : (int)thread;
}
