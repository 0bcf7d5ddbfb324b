/* A line of text with a deadline. */
#ifndef DENOWASI_LINE_H
#define DENOWASI_LINE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Reads up to a newline, which becomes a NUL. Gives the length; 0 at the end of the file (what came
 * before it is no line); -1 and ETIMEDOUT after `deadline`, or another errno.
 */
ssize_t read_line(int fd, char *line, size_t size, int64_t deadline);

#endif
