/* Operations of a plan that say who the process is and what it may do. */
#define _GNU_SOURCE
#include "plan.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int do_rlimit(struct state *state, struct reader *reader) {
  (void)state;
  int resource = (int)read_u64(reader);
  struct rlimit limit = {.rlim_cur = read_u64(reader), .rlim_max = read_u64(reader)};
  if (reader->failed) return -EBADMSG; /* resource 0 is RLIMIT_CPU */
  if (resource == RLIMIT_CPU) note_cpu_deadline(limit.rlim_cur);
  return (int)or_errno(setrlimit(resource, &limit));
}

int do_umask(struct state *state, struct reader *reader) {
  umask((mode_t)read_u64(reader));
  state->umask_set = 1;
  return 0;
}

/* By system call: the C library's wrappers would look for threads that fork(2) did not copy. */
int do_user(struct state *state, struct reader *reader) {
  (void)state;
  uid_t uid = (uid_t)read_u64(reader);
  gid_t gid = (gid_t)read_u64(reader);
  gid_t groups[1024];
  uint64_t count = read_u64(reader);
  if (count > sizeof groups / sizeof *groups) return -E2BIG;
  for (uint64_t i = 0; i < count; i++) groups[i] = (gid_t)read_u64(reader);
  if (reader->failed) return -EBADMSG;
  try_call(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
  try_call(syscall(SYS_setgroups, count, groups));
  try_call(syscall(SYS_setresgid, gid, gid, gid));
  /* As runc does: a user who opens /dev/stdout again must own it. Not every file can be given away. */
  for (int fd = 0; uid != 0 && fd < 3; fd++) {
    struct stat info;
    if (fstat(fd, &info) == 0 && !S_ISCHR(info.st_mode) && fchown(fd, uid, (gid_t)-1) < 0 &&
        errno != EROFS && errno != EPERM && errno != EINVAL)
      return -errno;
  }
  try_call(syscall(SYS_setresuid, uid, uid, uid));
  try_call(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
  /* A change of user cleared these two. Dumpable, or /proc/self belongs to root: proc(5). */
  try_call(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  return (int)or_errno(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
}

int do_bounding(struct state *state, struct reader *reader) {
  (void)state;
  uint64_t mask = read_u64(reader);
  for (unsigned long capability = 0; capability < 64; capability++) {
    if (mask & (uint64_t)1 << capability) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
      return errno == EINVAL ? 0 : -errno; /* past the last one of this kernel */
  }
  return 0;
}

int do_capabilities(struct state *state, struct reader *reader) {
  (void)state;
  uint64_t effective = read_u64(reader), permitted = read_u64(reader);
  uint64_t inheritable = read_u64(reader), ambient = read_u64(reader);
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  for (int half = 0; half < 2; half++)
    data[half] = (struct __user_cap_data_struct){
        .effective = (uint32_t)(effective >> 32 * half),
        .permitted = (uint32_t)(permitted >> 32 * half),
        .inheritable = (uint32_t)(inheritable >> 32 * half),
    };
  try_call(syscall(SYS_capset, &header, data));
  try_call(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  for (unsigned long capability = 0; capability < 64; capability++)
    if (ambient & (uint64_t)1 << capability)
      try_call(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0));
  return 0;
}

int do_no_new_privileges(struct state *state, struct reader *reader) {
  (void)state;
  (void)reader;
  return (int)or_errno(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

int do_seccomp(struct state *state, struct reader *reader) {
  (void)state;
  unsigned long flags = read_u64(reader);
  struct bytes bytes = read_bytes(reader);
  if (bytes.size % sizeof(struct sock_filter) || bytes.size > 65535 * sizeof(struct sock_filter))
    return -EINVAL;
  cleanup_free struct sock_filter *filter = malloc(bytes.size);
  if (!filter) return -ENOMEM;
  memcpy(filter, bytes.data, bytes.size); /* for its alignment */
  struct sock_fprog program = {
      .len = (unsigned short)(bytes.size / sizeof *filter),
      .filter = filter,
  };
  return (int)or_errno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}
