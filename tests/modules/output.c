// output MIB: prints MIB mebibytes of lines of 64 bytes, each with its number, then `end` without a
// line end.

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  long lines = (argc > 1 ? atol(argv[1]) : 1) * (1 << 20) / 64;
  for (long i = 0; i < lines; i++) printf("%063ld\n", i);
  fputs("end", stdout);
  return ferror(stdout) || fflush(stdout);
}
