// memory MIB [SECONDS]: allocates MIB mebibytes one by one and writes to every page, says
// `touched MIB`, then keeps them for SECONDS.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int mib = argc > 1 ? atoi(argv[1]) : 1;
  for (int i = 0; i < mib; i++) {
    char *block = malloc(1 << 20);
    if (!block) {
      fprintf(stderr, "malloc: no memory after %d MiB\n", i);
      return 1;
    }
    // Volatile: the writes are the point.
    for (volatile char *page = block; page < block + (1 << 20); page += 4096) *page = 1;
  }
  printf("touched %d\n", mib);
  fflush(stdout);
  if (argc > 2) sleep(atoi(argv[2]));
  return 0;
}
