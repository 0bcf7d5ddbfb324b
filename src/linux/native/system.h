/*
 * System calls for the hosts of WASI: everything a guest asks of the kernel goes through these, bound in ../system.ts.
 * Each returns its value or -errno. Buffers come as a base, an offset and a size that the caller has checked; only the
 * functions that read a guest's iovecs check for themselves.
 */
#ifndef DENOWASI_SYSTEM_H
#define DENOWASI_SYSTEM_H

#include "native.h"

#include <limits.h>

/* How a path below a folder is looked up. */
enum {
  FOLLOW = 1,  /* a symbolic link at its end, too */
  IN_ROOT = 2, /* absolute links lead below the folder, and its ".." is itself; else both are -EPERM */
};

/* A relative path in UTF-8. */
struct guest_path {
  char text[PATH_MAX];
  size_t size;
};

/* 0, or -ENOENT: empty, -ENAMETOOLONG, -EINVAL: holds NUL, -EILSEQ: no UTF-8, -EPERM: absolute. */
int take_path(struct guest_path *path, const uint8_t *bytes, uint32_t size);

/* Whether its end may be another thing than the name says: ".", ".." or a trailing slash. */
int ends_indirectly(const struct guest_path *path);

/* open(2) of a path that cannot leave `folder`. Descriptor, or -errno; -EPERM when it leads outside. */
int open_below(int folder, const char *path, int flags, mode_t mode, uint32_t how);

/*
 * The folder that holds the end of `path`, and that end, with its trailing slashes. The descriptor is in `opened`
 * when it has to be closed.
 */
int open_parent_below(int folder, const struct guest_path *path, uint32_t how, const char **name, int *opened);

/* The value of `call`, a count or a descriptor, tried again after EINTR; or -errno. */
#define retry(call)                                                                                \
  ({                                                                                               \
    __typeof__(call) value_;                                                                       \
    do value_ = (call);                                                                            \
    while (value_ < 0 && errno == EINTR);                                                          \
    value_ < 0 ? -errno : (int)value_; /* counts are below 2 GiB: read(2), write(2) */             \
  })

/* A guest's iovecs that are not empty, at most MAX_VECTORS. Their count, or -EFAULT. */
struct iovec;
enum { MAX_VECTORS = 1024 };
int gather(struct iovec *vectors, uint8_t *memory, uint64_t size, uint32_t at, uint32_t count);

#endif
