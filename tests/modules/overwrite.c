// overwrite PATH: makes the file of 100,000 letters, writes over it in its middle, by write and by pwrite, once through a
// descriptor that cannot read, and checks what it holds then. A failure is exit code 1, and its line on stderr.

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 100000 };
static char wanted[SIZE], seen[SIZE + 1];

#define CHECK(condition)                                  \
  if (!(condition)) {                                     \
    fprintf(stderr, "line %d: " #condition "\n", __LINE__); \
    return 1;                                             \
  }

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "file";
  for (int i = 0; i < SIZE; i++) wanted[i] = (char)('a' + i % 26);
  int file = open(path, O_CREAT | O_TRUNC | O_RDWR, 0644);
  CHECK(file >= 0 && write(file, wanted, SIZE) == SIZE);
  CHECK(lseek(file, 10, SEEK_SET) == 10 && write(file, "ABC", 3) == 3);
  memcpy(wanted + 10, "ABC", 3);
  CHECK(lseek(file, 0, SEEK_CUR) == 13);
  CHECK(pwrite(file, "XYZ", 3, 50000) == 3 && lseek(file, 0, SEEK_CUR) == 13);
  memcpy(wanted + 50000, "XYZ", 3);
  CHECK(close(file) == 0);
  file = open(path, O_WRONLY);
  CHECK(file >= 0 && write(file, "first", 5) == 5 && close(file) == 0);
  memcpy(wanted, "first", 5);
  struct stat info;
  CHECK(stat(path, &info) == 0 && info.st_size == SIZE);
  file = open(path, O_RDONLY);
  CHECK(file >= 0 && read(file, seen, SIZE + 1) == SIZE && memcmp(wanted, seen, SIZE) == 0);
  return 0;
}
