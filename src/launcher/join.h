/*
 * Joining a group whose supervisor lives, without booting anything: a question to its control socket, as in
 * docs/architecture.md, "The control socket".
 */
#ifndef DENOWASI_JOIN_H
#define DENOWASI_JOIN_H

#include <stdbool.h>

#include "flags.h"

/* The longest answer, with its NUL. */
#define JOIN_ANSWER_SIZE 512

/*
 * Asks the supervisor of the group that config.json, in the working directory, seems to name whether it will
 * serve the container. Whether it said so: then `answer` is `ADDRESS`, or `ADDRESS CONTROL` when it wants the zygote
 * that `zygote` offers. False is no error: whatever it was, a supervisor that is started will find it.
 */
bool join_group(const struct options *options, const char *engine, bool zygote,
                char answer[JOIN_ANSWER_SIZE]);

#endif
