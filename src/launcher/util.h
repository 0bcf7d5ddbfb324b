/*
 * What every file of the launcher uses: attributes that close and free on every path out of a
 * function (in crun's manner), one way to report an error, and reads and writes that finish.
 */
#ifndef DENOWASI_UTIL_H
#define DENOWASI_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

/* Exit statuses of the launcher itself. */
enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The first word of every message: the name the launcher was called by. */
extern const char *program_name;

/*
 * Writes one line "program_name: message" to stderr with a single write(2). Control characters in
 * the message become '?', so a value of the caller's cannot make it two lines. Returns -1, for
 * `return report(...)`. `format` may use %m.
 */
int report(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/* Writes all of `data`; -1 and errno when it could not. Retries on EINTR. */
int write_all(int fd, const void *data, size_t length);

/* read(2) that retries on EINTR. */
ssize_t read_some(int fd, void *data, size_t length);

/* Whether a read on `fd` would not block (data, end of file or an error). */
bool readable(int fd);

/* Every signal's default action, none blocked: exec(3) keeps what is ignored and the mask. */
void reset_signals(void);

/*
 * Makes stdin and stdout /dev/null, and stderr if it is not open, so that what is opened later is
 * above them; -1, reported.
 */
int open_standard(void);

/* The current time of CLOCK_MONOTONIC in milliseconds. */
int64_t monotonic_ms(void);

/* asprintf(3) that gives NULL when memory ran out, having reported it. */
char *format_string(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Parses decimal digits only, from `least` to `most`. */
bool parse_number(const char *text, long least, long most, long *number);

static inline void cleanup_free_(char **pointer) {
  free(*pointer);
}

/* close(2) is never retried: Linux has released the descriptor even when it says EINTR. */
static inline void cleanup_close_(const int *fd) {
  if (*fd >= 0) close(*fd);
}

#define cleanup_free  __attribute__((cleanup(cleanup_free_)))
#define cleanup_close __attribute__((cleanup(cleanup_close_)))

/* Closes `*fd` now and forgets it. */
static inline void close_now(int *fd) {
  cleanup_close_(fd);
  *fd = -1;
}

#endif
