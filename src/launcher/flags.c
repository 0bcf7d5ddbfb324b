#include "flags.h"

#include <string.h>

#include "util.h"

/* strconv.ParseBool of Go. */
static bool parse_bool(const char *text, bool *value) {
  static const char *const YES[] = {"1", "t", "T", "true", "TRUE", "True"};
  static const char *const NO[] = {"0", "f", "F", "false", "FALSE", "False"};
  for (size_t i = 0; i < sizeof(YES) / sizeof(YES[0]); i++) {
    if (strcmp(text, YES[i]) == 0 || strcmp(text, NO[i]) == 0) {
      *value = strcmp(text, YES[i]) == 0;
      return true;
    }
  }
  return false;
}

static const struct flag *find_flag(const struct flag *flags, size_t count, const char *name,
                                    size_t length) {
  for (size_t i = 0; i < count; i++)
    if (strlen(flags[i].name) == length && strncmp(flags[i].name, name, length) == 0)
      return &flags[i];
  return NULL;
}

int flags_parse(const struct flag *flags, size_t count, int argc, char *const *argv) {
  int next = 1;
  while (next < argc) {
    const char *argument = argv[next];
    /* "-" alone is no flag, as in Go. */
    if (argument[0] != '-' || argument[1] == '\0') return next;
    next++;
    const char *name = argument + (argument[1] == '-' ? 2 : 1);
    if (name[0] == '\0') return next;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    const struct flag *flag = find_flag(flags, count, name, length);
    if (flag == NULL) return report("%s: not a flag (--help lists them)", argument);
    if (flag->on != NULL) {
      *flag->on = true;
      if (value != NULL && !parse_bool(value, flag->on))
        return report("-%s: not a boolean: \"%s\"", flag->name, value);
      continue;
    }
    if (value == NULL) {
      if (next == argc) return report("-%s: its value is missing", flag->name);
      value = argv[next++];
    }
    *flag->text = value;
  }
  return next;
}
