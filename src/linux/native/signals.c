/* Signals, for a process that may be process 1 of a pid namespace. */
#define _GNU_SOURCE
#include "zygote.h"

static const int ENDING[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGABRT, SIGUSR1,   SIGUSR2, SIGALRM,
                             SIGTERM, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,
                             SIGSTKFLT};
enum { ENDING_COUNT = sizeof ENDING / sizeof *ENDING };

void ending_signals(sigset_t *set) {
  sigemptyset(set);
  for (size_t i = 0; i < ENDING_COUNT; i++) sigaddset(set, ENDING[i]);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) sigaddset(set, signal);
}

/*
 * The kernel drops a default-action signal sent to process 1 of a pid namespace, pid_namespaces(7). A module cannot
 * handle signals, so what would end any other process must end this one, at once.
 */
static void end_by_signal(int signal) { _exit(128 + signal); }

void end_by_signals(void) {
  struct sigaction action = {.sa_handler = end_by_signal, .sa_flags = SA_ONSTACK};
  sigfillset(&action.sa_mask);
  for (size_t i = 0; i < ENDING_COUNT; i++) sigaction(ENDING[i], &action, NULL);
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) sigaction(signal, &action, NULL);
}
