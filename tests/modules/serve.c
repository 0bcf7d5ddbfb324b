// serve FD COUNT: takes COUNT connections from the listening socket FD, one after the other: says `ready` first, answers
// each line of up to 100 bytes with `FD: ` and the line, closes the connection, and prints `served`.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wasi/api.h>

static int fail(const char *what, int error) {
  fprintf(stderr, "%s: errno %d\n", what, error);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  __wasi_fd_t listener = (__wasi_fd_t)atoi(argv[1]);
  puts("ready");
  fflush(stdout);
  for (int left = atoi(argv[2]); left > 0; left--) {
    /* A listener does not wait. */
    struct pollfd polled = {.fd = (int)listener, .events = POLLRDNORM};
    if (poll(&polled, 1, -1) != 1) return fail("poll", polled.revents);
    __wasi_fd_t connection;
    int failed = __wasi_sock_accept(listener, 0, &connection);
    if (failed) return fail("accept", failed);
    char line[100], answer[120];
    ssize_t size = recv((int)connection, line, sizeof line, 0);
    if (size < 0) return fail("recv", 0);
    int length = snprintf(answer, sizeof answer, "%u: %.*s", listener, (int)size, line);
    if (send((int)connection, answer, (size_t)length, 0) != length) return fail("send", 0);
    shutdown((int)connection, SHUT_RDWR);
    close((int)connection);
    puts("served");
    fflush(stdout);
  }
  return 0;
}
