/*
 * libdenowasi: what denowasi needs of Linux that only native code can do.
 *
 * Mechanism only: every decision was made in TypeScript and arrives as plain data. Functions that can
 * fail return a negative errno; nothing here prints, exits (but in forked children) or keeps an
 * error to itself. The functions marked DW_EXPORT are the whole interface; they are bound in
 * ../native.ts.
 */
#ifndef DENOWASI_NATIVE_H
#define DENOWASI_NATIVE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define DW_EXPORT __attribute__((visibility("default")))

/* Released when the variable leaves its scope. */
#define cleanup_fd __attribute__((cleanup(dw_close_fd)))
#define cleanup_free __attribute__((cleanup(dw_free)))

static inline void dw_close_fd(const int *fd) {
  if (*fd >= 0) {
    int saved = errno;
    close(*fd); /* not retried: the descriptor is gone even after EINTR, close(2) */
    errno = saved;
  }
}

static inline void dw_free(void *pointer) { free(*(void **)pointer); }

/* The value, or -errno when a call returned -1. */
#define or_errno(call)                                                                             \
  ({                                                                                               \
    __typeof__(call) result_ = (call);                                                             \
    result_ < 0 ? (__typeof__(call))-errno : result_;                                              \
  })

/* Return from the calling function with -errno when `call` returned -1. */
#define try_call(call)                                                                             \
  do {                                                                                             \
    if ((call) < 0) return -errno;                                                                 \
  } while (0)

/* Return from the calling function with the negative errno that `call` returned. */
#define try_step(call)                                                                             \
  do {                                                                                             \
    int failed_ = (call);                                                                          \
    if (failed_ < 0) return failed_;                                                               \
  } while (0)

/* A cursor over a message: u64 numbers, and strings as u32 length, bytes, NUL. See wire.c. */
struct reader {
  const uint8_t *at;
  const uint8_t *end;
  int failed; /* 1 once anything was read past the end or was malformed */
};

struct bytes {
  const char *data; /* NUL-terminated, the NUL not counted in `size` */
  size_t size;
};

uint64_t read_u64(struct reader *reader);
uint32_t read_u32(struct reader *reader);
struct bytes read_bytes(struct reader *reader);
const char *read_string(struct reader *reader); /* also fails on an embedded NUL */

/* Write or read all `size` bytes, through EINTR and short counts. 0 or -errno (-EPIPE at early end of file). */
int write_all(int fd, const void *data, size_t size);
int read_all(int fd, void *data, size_t size);

/* A TCP socket that listens on numeric `address`, close-on-exec, O_NONBLOCK. Descriptor or -errno. */
int listen_tcp(const char *address, uint16_t port);

/* deadline.c: SIGXCPU says so and ends this process; `seconds` are the limit that it will name. */
void take_cpu_deadline(void);
void note_cpu_deadline(uint64_t seconds);

/* Paths below a root descriptor (O_PATH), resolved with RESOLVE_IN_ROOT: see root.c. */
int open_in_root(int root, const char *path, uint64_t flags);
int make_folders_in_root(int root, const char *path, mode_t mode); /* descriptor of the last one */
int make_parent_in_root(int root, const char *path, const char **name); /* its folder; last name */
int make_file_in_root(int root, const char *path); /* O_PATH descriptor; made empty when missing */

/* The mount calls of Linux 5.2-5.12, by descriptor: see mounts.c. */
int clone_tree(const char *source, int recursive);
int attach_tree(int tree, int target);
int set_mount_attributes(int fd, uint64_t ms_flags, uint64_t propagation);
int make_read_only(int fd); /* with all below it */
int mount_filesystem(const char *source, int target, const char *type, uint64_t ms_flags, const char *data);
int mount_detached(const char *type); /* descriptor of the root of a new one, in no namespace */
int mount_empty_tmpfs(int target);

/* Where init, while it performs its plan, has its socket to the monitor: docs/architecture.md, `--status`. */
enum { STATUS = 3 };

/*
 * Perform the operations of an encoded plan, in order, in the calling process.
 * 0, or the -errno of the first that failed with its name and subject in `step`.
 */
int perform_plan(struct bytes plan, char *step, size_t step_size);

/* Undo MADV_DONTFORK on every mapping that has it (V8 sets it), so that fork(2) copies them. */
int allow_fork_of_all_mappings(void);

#endif
