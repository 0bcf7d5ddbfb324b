/* How the runtime in an unpacked folder is started: its command line and its environment. */
#ifndef DENOWASI_RUNTIME_H
#define DENOWASI_RUNTIME_H

#include "flags.h"

/*
 * The carried ld.so, by the name that the process shall have (comm): links of lib/ to ld.so.
 */
#define RUNTIME_SUPERVISOR "containerd-shim"
#define RUNTIME_ZYGOTE     "denowasi-zygote"
#define RUNTIME_RUN        "denowasi-run"
#define RUNTIME_HTTP       "denowasi-http"

struct runtime {
  /*
	 * What execve(2) takes. All is this structure's to free, but for the strings of `envp`:
	 * they are this process's environment, constants and the settings below.
	 */
  char *path;
  char **argv;
  int argc;
  char **envp;
  /* The variables of Deno's cache and, or NULL, of V8's flags. */
  char *cache_setting;
  char *v8_setting;
};

/*
 * Prepares the runtime of the folder `folder` under the process name `name`, up to the script and
 * with this process's environment less what would change how Deno or ld.so work. `cache` is the folder where Deno
 * keeps what it has found out about the script and V8 has compiled of it, which is most of a boot; it need not
 * exist. `cache` and `v8_flags` may be NULL. -1, reported; runtime_release() is due in both cases.
 */
int runtime_init(struct runtime *runtime, const char *folder, const char *name, const char *cache,
                 const char *v8_flags);
/* The same for the supervisor and other calls of the shim: with the cache that is in `folder`; -1, reported. */
int runtime_init_cached(struct runtime *runtime, const char *folder);
/* Adds an argument of the script; -1, reported. */
int runtime_add(struct runtime *runtime, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void runtime_release(struct runtime *runtime);

#define cleanup_runtime __attribute__((cleanup(runtime_release)))

/* The canonical arguments of an action of containerd's (docs/architecture.md); -1, reported. */
int runtime_add_action(struct runtime *runtime, const char *action, const struct options *options,
                       const char *engine, const char *folder);

/* Closes all but 0 to `last` and becomes the runtime; returns only -1, reported. */
int runtime_exec(const struct runtime *runtime, int last);

#endif
