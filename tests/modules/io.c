// io OPERATION COUNT: does something on stdout or in the current directory, and prints `ms MS` on stderr.
//
//   stream        write COUNT MiB to stdout in pieces of 64 KiB
//   writes        write 16 bytes to a file, COUNT times
//   files         create, stat, read and remove a file of 100 bytes, COUNT times: each is 5 calls or more

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 16];

static void must(int done, const char *what) {
  if (done) return;
  perror(what);
  exit(1);
}

static void write_all(int fd, const char *from, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, from, size);
    must(written > 0, "write");
    from += written;
    size -= (size_t)written;
  }
}

static void one_file(int number) {
  char path[32];
  struct stat info;
  snprintf(path, sizeof path, "./file-%d", number);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  must(fd >= 0, "create");
  must(write(fd, buffer, 100) == 100 && close(fd) == 0, "write");
  must(stat(path, &info) == 0 && info.st_size == 100, "stat");
  fd = open(path, O_RDONLY);
  must(fd >= 0 && read(fd, buffer, sizeof buffer) == 100 && close(fd) == 0, "read");
  must(unlink(path) == 0, "unlink");
}

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int count = atoi(argv[2]);
  double start_ms = now_ms();
  if (!strcmp(argv[1], "stream")) {
    for (int i = 0; i < count * 16; i++) write_all(1, buffer, sizeof buffer);
  } else if (!strcmp(argv[1], "writes")) {
    int fd = open("./out", O_WRONLY | O_CREAT, 0600);
    must(fd >= 0, "create");
    for (int i = 0; i < count; i++) write_all(fd, buffer, 16);
  } else if (!strcmp(argv[1], "files")) {
    for (int i = 0; i < count; i++) one_file(i);
  } else {
    return 2;
  }
  fprintf(stderr, "ms %.3f\n", now_ms() - start_ms);
  return 0;
}
