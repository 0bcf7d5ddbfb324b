// One operation on a file system:
//
//   read PATH             print the file
//   write PATH TEXT       make or replace the file
//   open-rw PATH          open an existing file for writing, and change nothing
//   symlink TARGET PATH   make a symbolic link
//   stat PATH             print type and size
//   list PATH             print the names in the folder, but . and ..
//   cwd                   print the working directory
//
// A failure is one line on stderr, `OPERATION PATH: REASON`, and exit code 1.

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *operation, const char *path) {
  fprintf(stderr, "%s ", operation);
  perror(path);
  exit(1);
}

static void print_file(const char *path) {
  char buffer[4096];
  size_t size;
  FILE *file = fopen(path, "r");
  if (!file) fail("read", path);
  while ((size = fread(buffer, 1, sizeof buffer, file)) > 0) fwrite(buffer, 1, size, stdout);
  if (ferror(file)) fail("read", path);
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file)) fail("write", path);
}

static void print_stat(const char *path) {
  struct stat info;
  if (lstat(path, &info)) fail("stat", path);
  const char *type = S_ISREG(info.st_mode)   ? "file"
                     : S_ISDIR(info.st_mode) ? "folder"
                     : S_ISLNK(info.st_mode) ? "symlink"
                     : S_ISCHR(info.st_mode) ? "device"
                                             : "other";
  printf("%s %lld\n", type, (long long)info.st_size);
}

static void list(const char *path) {
  DIR *folder = opendir(path);
  if (!folder) fail("list", path);
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) puts(entry->d_name);
  }
}

int main(int argc, char **argv) {
  const char *operation = argc > 1 ? argv[1] : "";
  if (!strcmp(operation, "read") && argc == 3) {
    print_file(argv[2]);
  } else if (!strcmp(operation, "write") && argc == 4) {
    write_file(argv[2], argv[3]);
  } else if (!strcmp(operation, "open-rw") && argc == 3) {
    if (open(argv[2], O_RDWR) < 0) fail("open-rw", argv[2]);
  } else if (!strcmp(operation, "symlink") && argc == 4) {
    if (symlink(argv[2], argv[3])) fail("symlink", argv[3]);
  } else if (!strcmp(operation, "stat") && argc == 3) {
    print_stat(argv[2]);
  } else if (!strcmp(operation, "list") && argc == 3) {
    list(argv[2]);
  } else if (!strcmp(operation, "cwd") && argc == 2) {
    char cwd[4096];
    if (!getcwd(cwd, sizeof cwd)) fail("cwd", ".");
    puts(cwd);
  } else {
    fprintf(stderr, "unknown operation: %s\n", operation);
    return 2;
  }
  return 0;
}
