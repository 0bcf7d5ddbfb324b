#ifndef DENOWASI_UNPACK_H
#define DENOWASI_UNPACK_H

#include <limits.h>

#include "places.h"
#include "sha256.h"

/* The store's path, a slash, the digest in hex, NUL. */
#define UNPACKED_PATH_SIZE PATH_MAX

/*
 * Gives the path of the folder with this file's archive unpacked, unpacking it first when it is
 * not there or not as it was unpacked. Any number of processes may call this at once: one unpacks,
 * the others wait for it. -1, reported.
 */
int unpack(char path[UNPACKED_PATH_SIZE]);

/*
 * The same for whoever calls: root's store for root; for another user $XDG_CACHE_HOME/denowasi or else
 * $HOME/.cache/denowasi, which must be the user's own. -1, reported.
 */
int unpack_for_user(char path[UNPACKED_PATH_SIZE]);

#endif
