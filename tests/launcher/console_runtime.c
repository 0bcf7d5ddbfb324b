/*
 * Stands in for an OCI runtime that gives a process a terminal.
 *
 *     console_runtime PID_FILE CONSOLE pty|null|two|nothing COMMAND ARG...
 *
 * Starts COMMAND in a session of its own with a pty, sends its master (or /dev/null, or two
 * descriptors, or none) over CONSOLE, writes COMMAND's pid, and exits with 0.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void check(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  _exit(125);
}

static void send_master(const char *path, const char *what, int master) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int both[] = {master, null};
  int count = strcmp(what, "nothing") == 0 ? 0 : strcmp(what, "two") == 0 ? 2 : 1;
  char control[CMSG_SPACE(sizeof(both))] = {0};
  struct iovec part = {.iov_base = (char *)"/dev/ptmx", .iov_len = 9};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (strcmp(what, "null") == 0) both[0] = null;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(header), both, (size_t)count * sizeof(int));
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(fd, "socket");
  strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
  check(connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
  check((int)sendmsg(fd, &message, 0), "sendmsg");
  close(fd);
}

int main(int argc, char **argv) {
  if (argc < 5) return 125;
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  check(master, "posix_openpt");
  check(unlockpt(master), "unlockpt");
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  check(slave, "open slave");
  pid_t pid = fork();
  check(pid, "fork");
  if (pid == 0) {
    setsid();
    check(ioctl(slave, TIOCSCTTY, 0), "TIOCSCTTY");
    for (int fd = 0; fd <= STDERR_FILENO; fd++) check(dup2(slave, fd), "dup2");
    execv(argv[4], argv + 4);
    _exit(127);
  }
  send_master(argv[2], argv[3], master);
  FILE *file = fopen(argv[1], "w");
  if (file == NULL) return 125;
  fprintf(file, "%d", pid);
  return fclose(file) == 0 ? 0 : 125;
}
