/* containerd's command line for a shim: core/runtime/v2/README.md in containerd. */
#include "flags.h"

#include <string.h>

#include "util.h"

/* The longest identifier that containerd allows (pkg/identifiers). */
enum { LONGEST_IDENTIFIER = 76 };

static bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$ with at most 76 characters. */
static bool is_identifier(const char *text) {
  bool after_letter = false;
  size_t i;
  for (i = 0; text[i] != '\0'; i++) {
    bool letter = is_alphanumeric(text[i]);
    bool separator = text[i] == '.' || text[i] == '_' || text[i] == '-';
    if (!letter && !(separator && after_letter)) return false;
    after_letter = letter;
  }
  return after_letter && i <= LONGEST_IDENTIFIER;
}

static int check_identifier(const char *flag, const char *value, const char *action) {
  if (value[0] == '\0') return report("-%s: missing, %s needs it", flag, action);
  if (!is_identifier(value))
    return report("-%s: not an identifier of at most %d characters: \"%s\"", flag,
                  LONGEST_IDENTIFIER, value);
  return 0;
}

static int check_action(const struct options *options) {
  bool start = strcmp(options->action, "start") == 0;
  if (!start && strcmp(options->action, "delete") != 0)
    return report("action: not start or delete: \"%s\"", options->action);
  if (check_identifier("namespace", options->namespace, options->action) < 0 ||
      check_identifier("id", options->id, options->action) < 0)
    return -1;
  if (start && options->address[0] == '\0') return report("-address: missing, start needs it");
  return 0;
}

int options_parse(struct options *options, int argc, char *const *argv) {
  /* Of containerd 1.0 to 1.2; still defined by today's, never used. */
  const char *socket = "";
  const struct flag flags[] = {
      {.name = "namespace", .text = &options->namespace},
      {.name = "address", .text = &options->address},
      {.name = "publish-binary", .text = &options->publish_binary},
      {.name = "id", .text = &options->id},
      {.name = "bundle", .text = &options->bundle},
      {.name = "socket", .text = &socket},
      {.name = "debug", .on = &options->debug},
      {.name = "v", .on = &options->version},
      {.name = "version", .on = &options->version},
      {.name = "info", .on = &options->info},
      {.name = "h", .on = &options->help},
      {.name = "help", .on = &options->help},
  };
  memset(options, 0, sizeof(*options));
  options->namespace = options->address = options->publish_binary = options->id = options->bundle =
      options->action = "";

  int next = flags_parse(flags, sizeof(flags) / sizeof(flags[0]), argc, argv);
  if (next < 0) return -1;
  /* These are answered whatever else is said, as Go's shims do. */
  if (options->help || options->version || options->info) return 0;
  if (next == argc) return report("action: missing: start or delete (--help says more)");
  options->action = argv[next];
  if (next + 1 < argc) return report("argument after the action: \"%s\"", argv[next + 1]);
  return check_action(options);
}
