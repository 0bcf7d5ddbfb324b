/* Sockets of a path, and the descriptors that come over them: unix(7). */
#ifndef DENOWASI_SOCKET_H
#define DENOWASI_SOCKET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/* The address `path`; -1 and ENAMETOOLONG. */
int socket_address(struct sockaddr_un *address, const char *path);

/*
 * Receives up to `size` bytes without waiting, as recvmsg(2) tells of them, and the one descriptor
 * that came with them, close-on-exec, the caller's to close. -1 when none came; several are closed.
 */
ssize_t receive_descriptor(int socket, void *data, size_t size, int *descriptor);

#endif
