// Prints every argument as `arg: TEXT`, then every variable of the environment as `env: NAME=VALUE`.

#include <stdio.h>

extern char **environ;

int main(int argc, char **argv) {
  for (int i = 0; i < argc; i++) printf("arg: %s\n", argv[i]);
  for (char **variable = environ; *variable; variable++) printf("env: %s\n", *variable);
  return 0;
}
