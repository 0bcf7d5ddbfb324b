#include "runtime.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "util.h"

extern char **environ;

/* For a runtime without a cache: a path that cannot exist. */
static const char NO_CACHE[] = "/dev/null/denowasi";

/*
 * Added to the environment of every runtime. A Deno that has a cache puts a folder of it, with a `node` that is Deno, on PATH:
 * unless it finds that done.
 */
static char *const SETTINGS[] = {
    "DENO_NODE_SHIM_ACTIVE=1",
    "DENO_NO_PACKAGE_JSON=1",
    "DENO_NO_UPDATE_CHECK=1",
    "NO_COLOR=1",
};
enum { SETTINGS_COUNT = sizeof(SETTINGS) / sizeof(SETTINGS[0]) };

/* Variables that would change how Deno or the carried ld.so work: prefixes, or whole with '='. */
static bool is_dropped(const char *variable) {
  static const char *const PREFIXES[] = {"DENO_", "LD_", "NO_COLOR=", "FORCE_COLOR="};
  for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(PREFIXES[0]); i++)
    if (strncmp(variable, PREFIXES[i], strlen(PREFIXES[i])) == 0) return true;
  return false;
}

/* `cache_setting` and, when it is not NULL, `v8_setting` become the last variables. */
static char **make_environment(char *cache_setting, char *v8_setting) {
  size_t count = 0;
  while (environ[count] != NULL) count++;
  char **result = calloc(count + SETTINGS_COUNT + 3, sizeof(*result));
  if (result == NULL) {
    report("memory: %m");
    return NULL;
  }
  size_t used = 0;
  for (size_t i = 0; i < count; i++)
    if (!is_dropped(environ[i])) result[used++] = environ[i];
  for (size_t i = 0; i < SETTINGS_COUNT; i++) result[used++] = SETTINGS[i];
  result[used++] = cache_setting;
  result[used] = v8_setting;
  return result;
}

int runtime_add(struct runtime *runtime, const char *format, ...) {
  va_list arguments;
  char *argument = NULL;
  /* One more for the NULL at the end. */
  char **grown = realloc(runtime->argv, ((size_t)runtime->argc + 2) * sizeof(*grown));
  if (grown == NULL) return report("memory: %m");
  runtime->argv = grown;
  va_start(arguments, format);
  if (vasprintf(&argument, format, arguments) < 0) argument = NULL;
  va_end(arguments);
  if (argument == NULL) return report("memory: %s", strerror(ENOMEM));
  runtime->argv[runtime->argc++] = argument;
  runtime->argv[runtime->argc] = NULL;
  return 0;
}

static int add_all(struct runtime *runtime, const char *const *arguments, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (runtime_add(runtime, "%s", arguments[i]) < 0) return -1;
  return 0;
}

int runtime_init(struct runtime *runtime, const char *folder, const char *name, const char *cache,
                 const char *v8_flags) {
  static const char *const RUN[] = {
      "run", "-A", "--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-prompt", "--quiet",
  };

  memset(runtime, 0, sizeof(*runtime));
  if (v8_flags != NULL) {
    runtime->v8_setting = format_string("DENO_V8_FLAGS=%s", v8_flags);
    if (runtime->v8_setting == NULL) return -1;
  }
  runtime->cache_setting = format_string("DENO_DIR=%s", cache != NULL ? cache : NO_CACHE);
  if (runtime->cache_setting == NULL) return -1;
  runtime->envp = make_environment(runtime->cache_setting, runtime->v8_setting);
  runtime->path = format_string("%s/lib/%s", folder, name);
  if (runtime->envp == NULL || runtime->path == NULL ||
      runtime_add(runtime, "%s", program_name) < 0 || runtime_add(runtime, "--library-path") < 0 ||
      runtime_add(runtime, "%s/lib", folder) < 0)
    return -1;
  if (DENOWASI_COMPILED) return runtime_add(runtime, "%s/runtime", folder);
  if (runtime_add(runtime, "%s/deno", folder) < 0 ||
      add_all(runtime, RUN, sizeof(RUN) / sizeof(RUN[0])) < 0 ||
      (cache == NULL && runtime_add(runtime, "--no-code-cache") < 0))
    return -1;
  return runtime_add(runtime, "%s/shim.js", folder);
}

int runtime_init_cached(struct runtime *runtime, const char *folder) {
  cleanup_free char *cache = format_string("%s/cache", folder);
  if (cache == NULL) return -1;
  return runtime_init(runtime, folder, RUNTIME_SUPERVISOR, cache, NULL);
}

void runtime_release(struct runtime *runtime) {
  for (int i = 0; i < runtime->argc; i++) free(runtime->argv[i]);
  free(runtime->argv);
  free(runtime->path);
  free(runtime->envp);
  free(runtime->cache_setting);
  free(runtime->v8_setting);
  memset(runtime, 0, sizeof(*runtime));
}

int runtime_add_action(struct runtime *runtime, const char *action, const struct options *options,
                       const char *engine, const char *folder) {
  if (runtime_add(runtime, "%s", action) < 0 ||
      runtime_add(runtime, "namespace=%s", options->namespace) < 0 ||
      runtime_add(runtime, "address=%s", options->address) < 0 ||
      runtime_add(runtime, "publish-binary=%s", options->publish_binary) < 0 ||
      runtime_add(runtime, "id=%s", options->id) < 0 ||
      runtime_add(runtime, "bundle=%s", options->bundle) < 0 ||
      runtime_add(runtime, "debug=%d", options->debug) < 0 ||
      runtime_add(runtime, "engine=%s", engine) < 0 ||
      runtime_add(runtime, "runtime=%s", folder) < 0)
    return -1;
  return 0;
}

int runtime_exec(const struct runtime *runtime, int last) {
  if (close_range((unsigned int)last + 1, UINT_MAX, 0) < 0) return report("close_range: %m");
  execve(runtime->path, runtime->argv, runtime->envp);
  return report("exec %s: %m", runtime->path);
}
