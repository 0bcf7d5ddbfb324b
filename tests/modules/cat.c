// Copies stdin to stdout, byte for byte, as it comes.

#include <stdio.h>
#include <unistd.h>

int main(void) {
  static char buffer[65536];
  ssize_t size;
  while ((size = read(0, buffer, sizeof buffer)) > 0) {
    for (ssize_t done = 0; done < size;) {
      ssize_t written = write(1, buffer + done, size - done);
      if (written < 0) {
        perror("write");
        return 1;
      }
      done += written;
    }
  }
  if (size < 0) perror("read");
  return size < 0;
}
