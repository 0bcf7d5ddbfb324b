/* Operations of a plan on namespaces. */
#define _GNU_SOURCE
#include "plan.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

int do_join(struct state *state, struct reader *reader) {
  int kind = (int)read_u64(reader);
  const char *path = state->subject = read_string(reader);
  cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  return (int)or_errno(syscall(SYS_setns, fd, kind));
}

int do_unshare(struct state *state, struct reader *reader) {
  (void)state;
  return (int)or_errno(syscall(SYS_unshare, (unsigned long)read_u64(reader)));
}

/* What the files of a process that has ended answer is that it has ended. */
static int gone_or_errno(void) { return errno == ENOENT ? -ESRCH : -errno; }

/* 0 when `process`, a folder of procfs, is of one that lives and was started at `start_time`: proc_pid_stat(5). */
static int check_process(int process, const char *start_time) {
  enum { STATE = 3, START_TIME = 22 };
  char text[1024];
  cleanup_fd int fd = openat(process, "stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return gone_or_errno();
  ssize_t size = read(fd, text, sizeof text - 1);
  if (size < 0) return -errno;
  text[size] = 0;
  char *at = strrchr(text, ')'); /* field 2 is a name that may hold anything */
  for (int field = STATE; at && field <= START_TIME; field++) {
    at = strchr(at + 1, ' ');
    if (at && field == STATE && strchr("ZX", at[1])) return -ESRCH;
  }
  size_t length = strlen(start_time);
  return at && length > 0 && !strncmp(at + 1, start_time, length) && at[1 + length] == ' ' ? 0 : -ESRCH;
}

/*
 * The descriptor of its folder is the process's own: a later process of this pid is not in it. A pidfd would not do:
 * init is in another pid namespace already, where the pid is another's.
 */
int do_enter(struct state *state, struct reader *reader) {
  static const struct {
    int flag;
    const char *file;
  } kinds[] = {
      {CLONE_NEWCGROUP, "ns/cgroup"}, {CLONE_NEWIPC, "ns/ipc"}, {CLONE_NEWNS, "ns/mnt"},
      {CLONE_NEWNET, "ns/net"},       {CLONE_NEWPID, "ns/pid"}, {CLONE_NEWUTS, "ns/uts"},
  };
  unsigned long long pid = read_u64(reader);
  const char *start_time = read_string(reader);
  uint64_t flags = read_u64(reader);
  if (reader->failed) return -EBADMSG;
  snprintf(state->text, sizeof state->text, "process %llu", pid);
  state->subject = state->text;
  char path[40];
  snprintf(path, sizeof path, "/proc/%llu", pid);
  cleanup_fd int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (process < 0) return gone_or_errno();
  try_step(check_process(process, start_time));
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    uint64_t flag = (uint64_t)kinds[i].flag;
    if (!(flags & flag)) continue;
    flags &= ~flag;
    cleanup_fd int namespace = openat(process, kinds[i].file, O_RDONLY | O_CLOEXEC);
    if (namespace < 0) return gone_or_errno();
    try_call(syscall(SYS_setns, namespace, kinds[i].flag));
    if (flag != CLONE_NEWNS) continue;
    dw_close_fd(&state->root);
    state->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    try_call(state->root);
  }
  return flags ? -EINVAL : 0; /* of a kind that is not entered */
}

int do_hostname(struct state *state, struct reader *reader) {
  const char *name = state->subject = read_string(reader);
  return (int)or_errno(sethostname(name, strlen(name)));
}

int do_domainname(struct state *state, struct reader *reader) {
  const char *name = state->subject = read_string(reader);
  return (int)or_errno(setdomainname(name, strlen(name)));
}
