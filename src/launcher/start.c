#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "join.h"
#include "line.h"
#include "runtime.h"
#include "unpack.h"
#include "util.h"

/* How long a supervisor that closed its output may take to end. */
enum { END_TIMEOUT_MS = 1000 };

/*
 * The bundle's log FIFO, which containerd copies to its own log; /dev/null without it. Opened for
 * reading too: opening does not wait for containerd, and writing does not fail while it restarts.
 */
static int open_log(void) {
  struct stat status;
  int fd = open("log", O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode)) return fd;
  close_now(&fd);
  fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd < 0) report("open /dev/null: %m");
  return fd;
}

/*
 * Spawns the runtime as the leader of a session, with `output` as its stdout and no other
 * descriptor of this process than stdin: containerd waits for the end of this process's stdout and
 * stderr.
 */
static int spawn(const struct runtime *runtime, int output, int log, pid_t *pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int error;

  sigemptyset(&none);
  sigfillset(&all);
  if ((error = posix_spawn_file_actions_init(&files)) != 0) goto out;
  if ((error = posix_spawnattr_init(&attributes)) != 0) goto out_files;
  if ((error = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO)) == 0 &&
      (error = posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO)) == 0 &&
      (error = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1)) == 0 &&
      (error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                         POSIX_SPAWN_SETSIGDEF)) == 0 &&
      (error = posix_spawnattr_setsigmask(&attributes, &none)) == 0 &&
      (error = posix_spawnattr_setsigdefault(&attributes, &all)) == 0)
    error = posix_spawn(pid, runtime->path, &files, &attributes, runtime->argv, runtime->envp);
  posix_spawnattr_destroy(&attributes);
out_files:
  posix_spawn_file_actions_destroy(&files);
out:
  if (error == 0) return 0;
  errno = error;
  return report("start %s: %m", runtime->path);
}

/* Kills the supervisor with its process group; it has not come to serve anybody. */
static void kill_supervisor(pid_t pid) {
  kill(-pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
}

/* Says how a supervisor ended that closed its output. */
static int report_end(pid_t pid) {
  siginfo_t end = {0};
  cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  struct pollfd poller = {.fd = pidfd, .events = POLLIN};
  poll(&poller, 1, END_TIMEOUT_MS);
  if (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG) < 0 || end.si_pid == 0) {
    kill_supervisor(pid);
    return report("supervisor: closed its output before it was ready");
  }
  if (end.si_code == CLD_EXITED)
    return report("supervisor: exited with status %d before it was ready: see "
                  "containerd's log",
                  end.si_status);
  return report("supervisor: killed by signal %d (%s) before it was ready: see containerd's "
                "log",
                end.si_status, strsignal(end.si_status));
}

/* Whether config.json, in the bundle that is the working directory, names a module anywhere. */
static bool names_module(void) {
  static const char SUFFIX[] = ".wasm";
  char text[64 << 10];
  size_t kept = 0;
  ssize_t count;
  cleanup_close int fd = open("config.json", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  while ((count = read_some(fd, text + kept, sizeof(text) - kept)) > 0) {
    size_t length = kept + (size_t)count;
    if (memmem(text, length, SUFFIX, strlen(SUFFIX)) != NULL) return true;
    /* The suffix may lie across two reads. */
    kept = length < strlen(SUFFIX) ? length : strlen(SUFFIX) - 1;
    memmove(text, text + length - kept, kept);
  }
  return false;
}

/*
 * Forks the zygote, which boots while the supervisor does. Gives the pipe on which it waits for the path of the
 * control socket, and at whose end it ends; -1, reported.
 */
static int spawn_zygote(const char *folder, const char *engine, int log) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return report("pipe: %m");
  cleanup_close int input = ends[0];
  pid_t pid = fork();
  if (pid < 0) {
    close(ends[1]);
    return report("fork: %m");
  }
  if (pid > 0) return ends[1];
  char copy[UNPACKED_PATH_SIZE];
  snprintf(copy, sizeof(copy), "%s", folder);
  char *const argv[] = {(char *)"zygote", copy, (char *)"-", (char *)engine, (char *)"eager", NULL};
  /* Guests can read the environment that it started with: /proc/self/environ. */
  char *none[] = {NULL};
  environ = none;
  if (setsid() < 0 || chdir("/") < 0 || dup2(input, STDIN_FILENO) < 0 ||
      dup2(log, STDERR_FILENO) < 0)
    _exit(EXIT_FAILED);
  _exit(command_zygote(5, argv));
}

/* Tells the zygote where its supervisor listens. */
static void introduce(int zygote, const char *path) {
  /* Should it have ended, the supervisor starts another one. */
  if (write_all(zygote, path, strlen(path)) == 0) (void)write_all(zygote, "\n", 1);
}

/* Prints the address of `ADDRESS [CONTROL]`, and sends the zygote to CONTROL; -1, reported. */
static int pass_on(char *address, int zygote) {
  char *control = strchr(address, ' ');
  if (control != NULL) {
    *control++ = '\0';
    if (zygote >= 0) introduce(zygote, control);
  }
  if (write_all(STDOUT_FILENO, address, strlen(address)) < 0) return report("write the address: %m");
  return 0;
}

/*
 * Waits for the supervisor's one line, `address ADDRESS` or, from one that wants the zygote,
 * `address ADDRESS CONTROL`, and passes it on; -1, reported.
 */
static int await_address(pid_t pid, int input, int zygote) {
  static const char ADDRESS[] = "address ";
  static const char ERROR[] = "error ";
  char line[8192];
  ssize_t length = read_line(input, line, sizeof(line), monotonic_ms() + START_TIMEOUT_MS);

  if (length == 0) return report_end(pid);
  if (length < 0) {
    int cause = errno;
    kill_supervisor(pid);
    if (cause == ETIMEDOUT)
      return report("supervisor: not ready after %d s", START_TIMEOUT_MS / 1000);
    errno = cause;
    return report("supervisor: read: %m");
  }
  if (strncmp(line, ADDRESS, strlen(ADDRESS)) == 0)
    return pass_on(line + strlen(ADDRESS), zygote);
  if (strncmp(line, ERROR, strlen(ERROR)) == 0) {
    line[length] = '\n';
    (void)write_all(STDERR_FILENO, line + strlen(ERROR), (size_t)length + 1 - strlen(ERROR));
    return -1;
  }
  kill_supervisor(pid);
  return report("supervisor: neither address nor error: \"%s\"", line);
}

/* Starts a supervisor, or has the new one find the group's; -1, reported. */
static int start_supervisor(const struct options *options, const char *engine, const char *folder,
                            int log, int zygote) {
  cleanup_runtime struct runtime runtime = {0};
  int ends[2];
  pid_t pid;

  if (runtime_init_cached(&runtime, folder) < 0 ||
      runtime_add_action(&runtime, "serve", options, engine, folder) < 0)
    return -1;
  if (pipe2(ends, O_CLOEXEC) < 0) return report("pipe: %m");
  cleanup_close int input = ends[0];
  cleanup_close int output = ends[1];
  if (runtime_add(&runtime, "zygote=%d", zygote >= 0) < 0 ||
      spawn(&runtime, output, log, &pid) < 0)
    return -1;
  close_now(&output);
  return await_address(pid, input, zygote);
}

int command_start(const struct options *options, const char *engine) {
  char folder[UNPACKED_PATH_SIZE], joined[JOIN_ANSWER_SIZE];
  const bool is_module = names_module();

  /* Were it ignored, as it may be inherited, the supervisor's end could not be told. */
  signal(SIGCHLD, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  const bool is_joined = join_group(options, engine, is_module, joined);
  /* What was joined, and has a zygote or needs none, needs nothing more. */
  if (is_joined && strchr(joined, ' ') == NULL)
    return pass_on(joined, -1) < 0 ? EXIT_FAILED : EXIT_SUCCESS;
  if (unpack(folder) < 0) return EXIT_FAILED;
  cleanup_close int log = open_log();
  if (log < 0) return EXIT_FAILED;
  cleanup_close int zygote = is_module ? spawn_zygote(folder, engine, log) : -1;
  int result = is_joined ? pass_on(joined, zygote)
                         : start_supervisor(options, engine, folder, log, zygote);
  return result < 0 ? EXIT_FAILED : EXIT_SUCCESS;
}
