// escape TARGET: makes the dangling symbolic link /link to TARGET, then creates a file through it and
// writes a line. Says `created`, or on stderr which step failed and why.

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  static const char LINE[] = "from the guest\n";
  if (argc != 2) return 2;
  if (symlink(argv[1], "/link")) {
    perror("symlink");
    return 1;
  }
  int fd = open("/link", O_WRONLY | O_CREAT, 0644);
  if (fd < 0 || write(fd, LINE, sizeof LINE - 1) < 0) {
    perror("create");
    return 1;
  }
  puts("created");
  return 0;
}
