/* The actions and sub-commands, one per file. Each gives the exit status of the process. */
#ifndef DENOWASI_COMMANDS_H
#define DENOWASI_COMMANDS_H

#include "flags.h"

/* How long the supervisor may take to say that it serves. */
#ifndef START_TIMEOUT_MS
#define START_TIMEOUT_MS 30000
#endif

/*
 * start: starts the supervisor and prints its address. A zygote boots beside it, on another core, when
 * config.json names a module.
 */
int command_start(const struct options *options, const char *engine);

/* delete: answers at once when there is nothing to clean, else becomes the runtime. */
int command_delete(const struct options *options, const char *engine);

/* -info: becomes the runtime. */
int command_info(const struct options *options, const char *engine);

/*
 * run: becomes the runtime that runs a module without containerd. argv[0] is "run"; what follows is the runtime's
 * to parse.
 */
int command_run(int argc, char *const *argv, const char *engine);

/* oci-tar-builder: becomes the runtime that builds an image. argv[0] is "oci-tar-builder"; the rest is the runtime's. */
int command_oci_tar_builder(int argc, char *const *argv);

/* `launcher zygote DIR SOCKET ENGINE eager|lazy`: argv[0] is "zygote". With SOCKET "-" its path is a line on stdin. */
int command_zygote(int argc, char *const *argv);

/* `launcher http`: in a sandbox, becomes the runtime that serves what is handed over. */
int command_http(void);

/* `launcher monitor --key KEY ...`: argv[0] is "monitor". */
int command_monitor(int argc, char *const *argv);

/* `launcher logger --stdout FIFO ...`: argv[0] is "logger". */
int command_logger(int argc, char *const *argv);

#endif
