/*
 * Command lines in the style of Go's package flag, as containerd writes them: -name value,
 * -name=value, with one or two dashes; -name alone for a boolean; the first argument that is no
 * flag, or "--", ends them.
 */
#ifndef DENOWASI_FLAGS_H
#define DENOWASI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

struct flag {
  const char *name;
  /* Exactly one is set: where the value goes. */
  const char **text;
  bool *on;
};

/*
 * Reads the flags at argv[1] and after. Gives the index of the first argument after them, or -1
 * when one was wrong, reported with its name and value. The values point into `argv`.
 */
int flags_parse(const struct flag *flags, size_t count, int argc, char *const *argv);

/* What containerd says to a shim. Texts are "" when they are not given. */
struct options {
  const char *namespace;
  const char *address;
  const char *publish_binary;
  const char *id;
  const char *bundle;
  bool debug;
  bool version;
  bool info;
  bool help;
  /* "start", "delete" or "". */
  const char *action;
};

/* Reads and checks containerd's command line; -1, reported. */
int options_parse(struct options *options, int argc, char *const *argv);

#endif
