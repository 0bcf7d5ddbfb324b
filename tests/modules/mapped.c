// mapped FOLDER [SECONDS]: makes FOLDER/made, makes a file and synchronizes it, sleeps, moves the file there, and removes
// FOLDER/sub/old, if it is there.
// A failure is one line on stderr and exit code 1.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char paths[4][4096];

static const char *in(int which, const char *folder, const char *name) {
  snprintf(paths[which], sizeof paths[which], "%s/%s", folder, name);
  return paths[which];
}

static void check(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : ".";
  check(mkdir(in(0, folder, "made"), 0755), "mkdir");
  int file = open(in(1, folder, "new"), O_CREAT | O_WRONLY | O_EXCL, 0644);
  check(file, "open");
  check(write(file, "moved", 5), "write");
  check(fsync(file), "fsync");
  check(close(file), "close");
  if (argc > 2) sleep(atoi(argv[2]));
  check(rename(paths[1], in(2, folder, "made/moved")), "rename");
  if (unlink(in(3, folder, "sub/old")) < 0 && errno != ENOENT) check(-1, "unlink");
  return 0;
}
