#ifndef DENOWASI_UNPACK_H
#define DENOWASI_UNPACK_H

#include "places.h"
#include "sha256.h"

/* "/var/lib/denowasi/", the digest in hex, NUL. */
#define UNPACKED_PATH_SIZE (sizeof(STORE) + SHA256_HEX_SIZE)

/*
 * Gives the path of the folder with this file's archive unpacked, unpacking it first when it is
 * not there or not as it was unpacked. Any number of processes may call this at once: one unpacks,
 * the others wait for it. -1, reported.
 */
int unpack(char path[UNPACKED_PATH_SIZE]);

#endif
