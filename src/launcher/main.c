/*
 * The launcher: what containerd calls by the name containerd-shim-<engine>-v1. It reads the command
 * line, unpacks the runtime that this file carries, and starts it. See docs/architecture.md.
 */
#include <stdio.h>
#include <string.h>

#include "build.h"
#include "commands.h"
#include "util.h"

/* The engines: containerd-shim-<engine>-v1. */
static const char *const ENGINES[] = {DENOWASI_ENGINES};
enum { ENGINES_COUNT = sizeof(ENGINES) / sizeof(ENGINES[0]) };

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* The engine that `name`, containerd-shim-<engine>-v1, chooses; NULL, reported. */
static const char *find_engine(const char *name) {
  static const char PREFIX[] = "containerd-shim-";
  static const char SUFFIX[] = "-v1";
  char known[256] = "";

  for (size_t i = 0; i < ENGINES_COUNT; i++) {
    size_t length = strlen(ENGINES[i]);
    const char *engine = name + strlen(PREFIX);
    if (strncmp(name, PREFIX, strlen(PREFIX)) == 0 && strncmp(engine, ENGINES[i], length) == 0 &&
        strcmp(engine + length, SUFFIX) == 0)
      return ENGINES[i];
    size_t used = strlen(known);
    snprintf(known + used, sizeof(known) - used, "%s%s%s%s", i == 0 ? "" : ", ", PREFIX, ENGINES[i],
             SUFFIX);
  }
  report("this file is called by a name that chooses no engine: known are %s", known);
  return NULL;
}

static int print_version(const char *engine) {
  printf("%s:\n"
         "  Version:  %s\n"
         "  Revision: %s\n"
         "  Engine:   %s\n"
         "  Runtime:  %s\n"
         "  V8:       %s\n"
         "\n",
         program_name, DENOWASI_VERSION, DENOWASI_REVISION, engine, DENOWASI_RUNTIME, DENOWASI_V8);
  return 0;
}

static int print_help(const char *engine) {
  printf("%s: a containerd shim that runs WebAssembly (WASI)\n"
         "and OCI containers.\n"
         "\n"
         "containerd calls this file. Put it on containerd's PATH, for example in\n"
         "/usr/local/bin, and name its runtime type:\n"
         "\n"
         "    ctr run --rm --runtime io.containerd.%s.v1 IMAGE ID\n"
         "\n"
         "Usage: %s -namespace NS -id ID [flags] start|delete\n"
         "       %s run [options] FILE.wasm [ARG...]\n"
         "       %s oci-tar-builder [options]\n"
         "\n"
         "Actions:\n"
         "  start   start the shim of container ID, or find the one of its pod that is\n"
         "          there, and print the address of its ttRPC socket\n"
         "  delete  clean up what a shim of container ID left behind, and print a\n"
         "          DeleteResponse (protobuf)\n"
         "  run     run a module here and now, without containerd; run --help says more\n"
         "  oci-tar-builder\n"
         "          build an image of WebAssembly files; oci-tar-builder --help says more\n"
         "\n"
         "Flags of start and delete (-x value, -x=value or --x value):\n"
         "  -namespace NS         containerd's namespace of the container\n"
         "  -id ID                id of the container\n"
         "  -address SOCKET       containerd's gRPC socket; start needs it\n"
         "  -publish-binary FILE  containerd's own file\n"
         "  -bundle DIR           the container's bundle; default: the working directory\n"
         "  -debug                log more\n"
         "  -info                 print RuntimeInfo (protobuf); options come on stdin\n"
         "  -v, -version          print versions\n"
         "  -h, -help             print this\n"
         "\n"
         "The runtime inside this file is unpacked once, to /var/lib/denowasi. State is\n"
         "in /run/denowasi, configuration in /etc/denowasi/config.toml. Messages go to\n"
         "containerd's log. Documentation: README.md and docs/ of the source.\n",
         program_name, engine, program_name, program_name, program_name);
  return 0;
}

static int run_action(const struct options *options, const char *engine) {
  if (options->help) return print_help(engine);
  if (options->version) return print_version(engine);
  if (options->info) return command_info(options, engine);
  if (strcmp(options->action, "start") == 0) return command_start(options, engine);
  return command_delete(options, engine);
}

int main(int argc, char **argv) {
  struct options options;

  if (argc > 0) program_name = base_name(argv[0]);
  if (argc > 1 && strcmp(argv[1], "monitor") == 0) return command_monitor(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "logger") == 0) return command_logger(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "zygote") == 0) return command_zygote(argc - 1, argv + 1);
  if (argc == 2 && strcmp(argv[1], "http") == 0) return command_http();

  const char *engine = find_engine(program_name);
  if (engine == NULL) return EXIT_USAGE;
  if (argc > 1 && strcmp(argv[1], "run") == 0) return command_run(argc - 1, argv + 1, engine);
  if (argc > 1 && strcmp(argv[1], "oci-tar-builder") == 0)
    return command_oci_tar_builder(argc - 1, argv + 1);
  if (options_parse(&options, argc, argv) < 0) return EXIT_USAGE;
  return run_action(&options, engine);
}
