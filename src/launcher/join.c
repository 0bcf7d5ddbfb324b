/*
 * Which group it is, the supervisor decides, who reads config.json by the rules. Here it is only guessed whom to
 * ask, by the bytes that containerd writes for an annotation. In a JSON string quotes are escaped, so that no other
 * text looks like a member's name.
 */
#include "join.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "line.h"
#include "places.h"
#include "sha256.h"
#include "util.h"

/* How long a supervisor may take to answer: one that is busy is asked again by the runtime. */
enum { ANSWER_TIMEOUT_MS = 5000 };
/* config.json of a container is a few kilobytes: of a larger one nothing is guessed. */
enum { MAX_CONFIG_SIZE = 1 << 20 };
/* Hex digits of a group's key. */
enum { KEY_LENGTH = 32 };

/* The group of all containers of a namespace, with grouping = "node". */
static const char NODE[] = "node";

/* How this file was called. */
struct caller {
  const struct options *options;
  const char *engine;
};

/* config.json, NUL-terminated, or NULL. */
static char *read_config(void) {
  struct stat status;
  cleanup_close int fd = open("config.json", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &status) < 0 || status.st_size > MAX_CONFIG_SIZE) return NULL;
  size_t size = (size_t)status.st_size, length = 0;
  char *text = malloc(size + 1);
  if (text == NULL) return NULL;
  for (ssize_t count = 1; count > 0 && length < size; length += count > 0 ? (size_t)count : 0)
    count = read_some(fd, text + length, size - length);
  text[length] = '\0';
  return text;
}

/* The value of the group's annotation, to be freed, or NULL. */
static char *guess_group(void) {
  static const char *const MEMBERS[] = {
      "\"io.kubernetes.cri.sandbox-id\":\"",
      "\"io.containerd.runc.v2.group\":\"",
  };
  cleanup_free char *config = read_config();
  for (size_t i = 0; config != NULL && i < sizeof(MEMBERS) / sizeof(MEMBERS[0]); i++) {
    const char *value = strstr(config, MEMBERS[i]);
    if (value == NULL) continue;
    value += strlen(MEMBERS[i]);
    size_t length = strcspn(value, "\"\\");
    if (value[length] == '"' && length > 0) return strndup(value, length);
  }
  return NULL;
}

/* The key of src/supervisor/places.ts: a digest over what makes the group, each followed by NUL. */
static void group_key(const struct caller *caller, const char *group, char key[KEY_LENGTH + 1]) {
  const char *const parts[] = {caller->options->address, caller->options->namespace, group,
                               caller->engine};
  uint8_t digest[SHA256_SIZE];
  char hex[SHA256_HEX_SIZE];
  struct sha256 hash;
  sha256_init(&hash);
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
    sha256_update(&hash, parts[i], strlen(parts[i]) + 1);
  sha256_final(&hash, digest);
  sha256_hex(digest, hex);
  snprintf(key, KEY_LENGTH + 1, "%.*s", KEY_LENGTH, hex);
}

static int connect_group(const struct caller *caller, const char *group) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char key[KEY_LENGTH + 1];
  group_key(caller, group, key);
  snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s/control.sock", GROUPS, key);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) close_now(&fd);
  return fd;
}

/* The file that containerd 1.6 and 1.7 read when they are restarted. */
static bool write_address(const char *address) {
  size_t length = strcspn(address, " ");
  cleanup_close int fd = open("address", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  return fd >= 0 && write_all(fd, address, length) == 0;
}

static bool ask(const struct caller *caller, const char *group, bool zygote,
                char answer[JOIN_ANSWER_SIZE]) {
  static const char ADDRESS[] = "address ";
  char bundle[PATH_MAX], line[sizeof(ADDRESS) - 1 + JOIN_ANSWER_SIZE];
  cleanup_close int fd = connect_group(caller, group);
  if (fd < 0 || getcwd(bundle, sizeof(bundle)) == NULL) return false;
  cleanup_free char *question = format_string("start %s %d %s\n", caller->options->id, zygote, bundle);
  if (question == NULL || write_all(fd, question, strlen(question)) < 0) return false;
  if (read_line(fd, line, sizeof(line), monotonic_ms() + ANSWER_TIMEOUT_MS) <= 0) return false;
  if (strncmp(line, ADDRESS, strlen(ADDRESS)) != 0) return false;
  strcpy(answer, line + strlen(ADDRESS)); /* it fits: see `line` */
  return write_address(answer);
}

bool join_group(const struct options *options, const char *engine, bool zygote,
                char answer[JOIN_ANSWER_SIZE]) {
  const struct caller caller = {options, engine};
  cleanup_free char *group = guess_group();
  return (group != NULL && ask(&caller, group, zygote, answer)) ||
         ask(&caller, NODE, zygote, answer);
}
