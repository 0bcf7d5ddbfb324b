// Prints the number and the preview 1 file type of every open descriptor below 256.

#include <stdio.h>
#include <wasi/api.h>

int main(void) {
  for (__wasi_fd_t fd = 0; fd < 256; fd++) {
    __wasi_fdstat_t stat;
    if (__wasi_fd_fdstat_get(fd, &stat) == __WASI_ERRNO_SUCCESS) {
      printf("%u %u\n", fd, stat.fs_filetype);
    }
  }
  return 0;
}
