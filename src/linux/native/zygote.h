/* A request to the zygote: docs/architecture.md, "The control socket". */
#ifndef DENOWASI_ZYGOTE_H
#define DENOWASI_ZYGOTE_H

#include "native.h"

#include <signal.h>

enum { MAX_ARGUMENTS = 64, DIGEST_SIZE = 32 };

/* One process to start: the fields of the request, which point into `frame`. */
struct request {
  uint8_t *frame;
  size_t frame_size;
  struct bytes key, root, module, expected, export_name, memory_limit, monitor_plan, init_plan, guest, launcher;
  /* For a program that is served: in place of init_plan; a filter; and why it cannot be, or nothing. */
  struct bytes served_plan, lock, refusal;
  const char *arguments[MAX_ARGUMENTS]; /* the monitor's */
  uint32_t argument_count;
  uint8_t *code; /* the module's bytes, mapped */
  size_t code_size;
  uint8_t digest[DIGEST_SIZE];
  int slot;
  int served; /* not run in a fork: by a runtime of its own in the sandbox */
};

/*
 * The descriptors of a runtime in a sandbox: the read-only mount of its folder, where the zygote has it as well
 * (../../launcher/zygote.c), and the file that hand_over() has made.
 */
enum { FOLDER = STDERR_FILENO + 1, HANDED = FOLDER + 1 };

/*
 * What a runtime in a sandbox needs of `request`, in memory, for good: guest, lock, limit of memory and code, each as a u32 length,
 * the bytes and a NUL. Its descriptor or -errno.
 */
int hand_over(const struct request *request);

/* Whether the runtime will be found where it looks for itself, by /proc; 0 or -errno. */
int find_runtime(int folder);

/* Handlers that end this process at once with 128 + n for every signal that may be meant for it. */
void end_by_signals(void);

/* Those signals. */
void ending_signals(sigset_t *set);

/* Become the runtime of `folder`, which serves what `handed` holds. Returns only -errno. */
int exec_runtime(int folder, int handed);

/*
 * Fork for `request`: the monitor of it, which forks its init. 1 in init, which may run its module, 0 in the zygote,
 * or -errno.
 */
int fork_container(const struct request *request);

#endif
