/* A request to the zygote: docs/architecture.md, "The control socket". */
#ifndef DENOWASI_ZYGOTE_H
#define DENOWASI_ZYGOTE_H

#include "native.h"

enum { MAX_ARGUMENTS = 64, DIGEST_SIZE = 32 };

/* One process to start: the fields of the request, which point into `frame`. */
struct request {
  uint8_t *frame;
  size_t frame_size;
  struct bytes key, root, module, expected, export_name, monitor_plan, init_plan, guest, launcher;
  const char *arguments[MAX_ARGUMENTS]; /* the monitor's */
  uint32_t argument_count;
  uint8_t *code; /* the module's bytes, mapped */
  size_t code_size;
  uint8_t digest[DIGEST_SIZE];
  int slot;
};

/*
 * Fork for `request`: the monitor of it, which forks its init. 1 in init, which may run its module, 0 in the zygote,
 * or -errno.
 */
int fork_container(const struct request *request);

#endif
