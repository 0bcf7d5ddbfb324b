// The demo app, with the commands of runwasi's program of the same name:
//
//   echo TEXT...           print the words
//   sleep SECONDS          sleep; fractions are fine
//   exit CODE              exit with CODE
//   write PATH TEXT...     write the words to a file
//   daemon                 sing for ever (also without a command)
//
// A command that ends normally, `exit` aside, says "exiting" on stderr.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char SONG[] =
    "This is a song that never ends.\n"
    "Yes, it goes on and on my friends.\n"
    "Some people started singing it not knowing what it was,\n"
    "So they'll continue singing it forever just because...\n\n";

static void sleep_seconds(double seconds) {
  struct timespec duration = {.tv_sec = (time_t)seconds};
  duration.tv_nsec = (long)((seconds - (double)duration.tv_sec) * 1e9);
  nanosleep(&duration, NULL);
}

// Prints the words of a NULL-terminated list with a space between each.
static void print_words(FILE *file, char **words) {
  for (char **word = words; *word; word++) fprintf(file, "%s%s", word == words ? "" : " ", *word);
}

static const char *operand(char **argv, int index, const char *name) {
  for (int i = 0; i <= index; i++) {
    if (argv[i]) continue;
    fprintf(stderr, "missing operand: %s\n", name);
    exit(1);
  }
  return argv[index];
}

static void write_words(const char *path, char **words) {
  FILE *file = fopen(path, "w");
  if (file) print_words(file, words);
  if (file && fclose(file) == 0) return;
  perror(path);
  exit(1);
}

static void sing(void) {
  for (;;) {
    fputs(SONG, stdout);
    fflush(stdout);
    sleep_seconds(1);
  }
}

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "daemon";
  if (!strcmp(command, "echo")) {
    print_words(stdout, argv + 2);
    putchar('\n');
  } else if (!strcmp(command, "sleep")) {
    sleep_seconds(atof(operand(argv, 2, "SECONDS")));
  } else if (!strcmp(command, "exit")) {
    exit(atoi(operand(argv, 2, "CODE")));
  } else if (!strcmp(command, "write")) {
    write_words(operand(argv, 2, "PATH"), argv + 3);
  } else if (!strcmp(command, "daemon")) {
    sing();
  } else {
    fprintf(stderr, "unknown command: %s\n", command);
    return 1;
  }
  fflush(stdout);
  fputs("exiting\n", stderr);
  return 0;
}
