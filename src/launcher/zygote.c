#include "commands.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "runtime.h"
#include "util.h"

/* The descriptor by which the runtime's folder is known, here and in the runtime. */
enum { FOLDER = STDERR_FILENO + 1 };

/* Without other threads, which a fork would lose. */
#define SINGLE_THREADED "--single-threaded"
/* Wasm is compiled once for good: by TurboFan, all of it before it runs. */
static const char EAGER[] = SINGLE_THREADED ",--no-liftoff,--no-wasm-lazy-compilation";
static const char LAZY[] = SINGLE_THREADED;

/*
 * Opens a mount of `folder` alone that is in no mount namespace and read-only for ever: nobody can
 * reach it to remount it, and it goes with the last process that uses it.
 */
static int open_read_only(const char *folder) {
  struct mount_attr attributes = {
      .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
  };
  cleanup_close int tree =
      (int)syscall(SYS_open_tree, AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return report("open_tree %s: %m", folder);
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
    return report("mount_setattr %s (Linux 5.12 or later has it): %m", folder);
  if (tree == FOLDER) {
    tree = -1;
    return fcntl(FOLDER, F_SETFD, 0);
  }
  if (dup2(tree, FOLDER) < 0) return report("dup2: %m");
  return 0;
}

/* Nothing is written to the zygote's stdout or, unless the socket's path comes there, read from its stdin. */
static int open_null(int keep_stdin) {
  int fd = open("/dev/null", O_RDWR);
  if (fd < 0 || (!keep_stdin && dup2(fd, STDIN_FILENO) < 0) || dup2(fd, STDOUT_FILENO) < 0)
    return report("open /dev/null: %m");
  return 0;
}

int command_zygote(int argc, char *const *argv) {
  cleanup_runtime struct runtime runtime = {0};
  char folder[32];

  program_name = RUNTIME_ZYGOTE;
  const bool lazy = argc == 5 && strcmp(argv[4], "lazy") == 0;
  if (argc != 5 || argv[1][0] == '\0' || argv[2][0] == '\0' ||
      (!lazy && strcmp(argv[4], "eager") != 0)) {
    report("usage: launcher zygote DIR SOCKET ENGINE eager|lazy");
    return EXIT_USAGE;
  }
  snprintf(folder, sizeof(folder), "/proc/self/fd/%d", FOLDER);
  if (open_null(strcmp(argv[2], "-") == 0) < 0 || open_read_only(argv[1]) < 0 ||
      /* No cache: what the supervisor runs must not be mapped where guests are. */
      runtime_init(&runtime, folder, RUNTIME_ZYGOTE, NULL, lazy ? LAZY : EAGER) < 0 ||
      runtime_add(&runtime, "zygote") < 0 || runtime_add(&runtime, "%s", argv[2]) < 0 ||
      runtime_add(&runtime, "%s", folder) < 0 || runtime_add(&runtime, "%s", argv[3]) < 0 ||
      runtime_add(&runtime, "%s", argv[4]) < 0)
    return EXIT_FAILED;
  runtime_exec(&runtime, FOLDER);
  return EXIT_FAILED;
}
