#include "socket.h"

#include <errno.h>
#include <string.h>

#include "util.h"

/* Of more, the kernel closes those that have no room. */
enum { MOST_DESCRIPTORS = 4 };

int socket_address(struct sockaddr_un *address, const char *path) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof(address->sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return 0;
}

/* Adds those of one control message to `found`, of `count`. */
static int take(const struct cmsghdr *header, int *found, int count) {
  if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return count;
  int sent = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  for (int i = 0; i < sent && count < MOST_DESCRIPTORS; i++)
    memcpy(&found[count++], CMSG_DATA(header) + (size_t)i * sizeof(int), sizeof(int));
  return count;
}

ssize_t receive_descriptor(int socket, void *data, size_t size, int *descriptor) {
  union {
    char data[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
    struct cmsghdr aligned;
  } control;
  struct iovec part = {.iov_base = data, .iov_len = size};
  struct msghdr message = {
      .msg_iov = &part,
      .msg_iovlen = 1,
      .msg_control = control.data,
      .msg_controllen = sizeof(control.data),
  };
  int found[MOST_DESCRIPTORS], count = 0;
  ssize_t length;

  *descriptor = -1;
  do length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (length < 0 && errno == EINTR);
  if (length < 0) return -1;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
       header = CMSG_NXTHDR(&message, header))
    count = take(header, found, count);
  if (count == 1)
    *descriptor = found[0];
  else
    for (int i = 0; i < count; i++) close_now(&found[i]);
  return length;
}
