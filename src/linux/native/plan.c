/*
 * Performs a sandbox plan (../plan.ts) in the calling process, one operation after the other.
 *
 * An encoded plan is a u32 count, then for each operation a u32 code and its arguments in the order of
 * ../plan_codec.ts, which holds the same table.
 */
#define _GNU_SOURCE
#include "native.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

struct state {
  int root;            /* O_PATH descriptor of the container's root, or -1 */
  int umask_set;       /* the plan has set the umask */
  const char *subject; /* what the operation at hand is about, for the error */
};

typedef int (*operation)(struct state *, struct reader *);

static int write_file(int fd, struct bytes data) {
  return (int)or_errno(write(fd, data.data, data.size)); /* kernel files take one write */
}

static int do_open(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  int flags = (int)read_u64(reader);
  mode_t mode = (mode_t)read_u64(reader);
  int wanted = (int)read_u64(reader);
  int fd = open(path, flags | O_NOCTTY | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  if (fd == wanted) return (int)or_errno(fcntl(fd, F_SETFD, 0));
  cleanup_fd int opened = fd;
  return (int)or_errno(dup2(opened, wanted));
}

static int do_write(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  struct bytes data = read_bytes(reader);
  int optional = read_u64(reader) != 0;
  cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return optional && errno == ENOENT ? 0 : -errno;
  return write_file(fd, data);
}

static int do_join(struct state *state, struct reader *reader) {
  int kind = (int)read_u64(reader);
  const char *path = state->subject = read_string(reader);
  cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  return (int)or_errno(syscall(SYS_setns, fd, kind));
}

static int do_unshare(struct state *state, struct reader *reader) {
  (void)state;
  return (int)or_errno(syscall(SYS_unshare, (unsigned long)read_u64(reader)));
}

static int do_propagation(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return -errno;
  return set_mount_attributes(fd, 0, read_u64(reader));
}

static int do_root(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  uint64_t flags = read_u64(reader);
  cleanup_fd int tree = clone_tree(path, 1);
  if (tree < 0) return tree;
  try_step(set_mount_attributes(tree, flags, 0));
  cleanup_fd int below = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (below < 0) return -errno;
  try_step(attach_tree(tree, below));
  state->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return state->root < 0 ? -errno : 0;
}

/* An O_PATH descriptor of the mount target, made as a folder or, for a source that is not one, as an empty file. */
static int make_target(int root, const char *path, int folder) {
  return folder ? make_folders_in_root(root, path, 0755) : make_file_in_root(root, path);
}

/* A bind mount gets its flags and propagation before anyone can reach it. */
static int bind_mount(int root, const char *source, const char *target, uint64_t flags,
                      uint64_t propagation) {
  cleanup_fd int tree = clone_tree(source, (flags & MS_REC) != 0);
  if (tree < 0) return tree;
  struct stat info;
  try_call(fstat(tree, &info));
  try_step(set_mount_attributes(tree, flags, propagation));
  cleanup_fd int at = make_target(root, target, S_ISDIR(info.st_mode));
  if (at < 0) return at;
  return attach_tree(tree, at);
}

static int do_mount(struct state *state, struct reader *reader) {
  const char *source = read_string(reader);
  const char *target = state->subject = read_string(reader);
  const char *type = read_string(reader);
  uint64_t flags = read_u64(reader);
  uint64_t propagation = read_u64(reader);
  const char *data = read_string(reader);
  if (reader->failed) return -EBADMSG;
  if (flags & MS_BIND) return bind_mount(state->root, source, target, flags, propagation);
  cleanup_fd int at = make_target(state->root, target, 1);
  if (at < 0) return at;
  try_step(mount_filesystem(source, at, type, flags, data));
  cleanup_fd int mounted = open_in_root(state->root, target, O_PATH);
  if (mounted < 0) return mounted;
  return set_mount_attributes(mounted, 0, propagation);
}

static int do_remount(struct state *state, struct reader *reader) {
  cleanup_fd int fd = open_in_root(state->root, state->subject = read_string(reader), O_PATH);
  if (fd < 0) return fd;
  return set_mount_attributes(fd, read_u64(reader), 0);
}

static int do_mkdir(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  cleanup_fd int fd = make_folders_in_root(state->root, path, (mode_t)read_u64(reader));
  return fd < 0 ? fd : 0;
}

static int do_mknod(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  mode_t mode = (mode_t)read_u64(reader);
  unsigned major = (unsigned)read_u64(reader), minor = (unsigned)read_u64(reader);
  uid_t uid = (uid_t)read_u64(reader);
  gid_t gid = (gid_t)read_u64(reader);
  const char *name;
  cleanup_fd int parent = make_parent_in_root(state->root, path, &name);
  if (parent < 0) return parent;
  if (mknodat(parent, name, mode, makedev(major, minor)) < 0) return errno == EEXIST ? 0 : -errno;
  return (int)or_errno(fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int do_symlink(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  const char *target = read_string(reader);
  const char *name;
  cleanup_fd int parent = make_parent_in_root(state->root, path, &name);
  if (parent < 0) return parent;
  return symlinkat(target, parent, name) < 0 && errno != EEXIST ? -errno : 0;
}

static int do_mask(struct state *state, struct reader *reader) {
  cleanup_fd int at = open_in_root(state->root, state->subject = read_string(reader), O_PATH);
  if (at < 0) return at == -ENOENT || at == -ENOTDIR ? 0 : at;
  struct stat info;
  try_call(fstat(at, &info));
  if (S_ISDIR(info.st_mode)) return mount_empty_tmpfs(at);
  cleanup_fd int null = clone_tree("/dev/null", 0);
  if (null < 0) return null;
  return attach_tree(null, at);
}

static int do_readonly(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  cleanup_fd int at = open_in_root(state->root, path, O_PATH);
  if (at < 0) return at == -ENOENT || at == -ENOTDIR ? 0 : at;
  unsigned flags = AT_EMPTY_PATH | AT_RECURSIVE | 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC;
  cleanup_fd int tree = (int)syscall(SYS_open_tree, at, "", flags);
  if (tree < 0) return -errno;
  try_step(make_read_only(tree));
  return attach_tree(tree, at);
}

/* As in pivot_root(2): both arguments "." stack the old root over the new one, to be detached. */
static int do_pivot(struct state *state, struct reader *reader) {
  (void)reader;
  cleanup_fd int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (old < 0) return -errno;
  try_call(fchdir(state->root));
  try_call(syscall(SYS_pivot_root, ".", "."));
  try_call(fchdir(old));
  try_step(set_mount_attributes(old, 0, MS_SLAVE | MS_REC)); /* the host must not see what is detached */
  try_call(syscall(SYS_umount2, ".", 2 /* MNT_DETACH */));
  return (int)or_errno(chdir("/"));
}

static int do_hostname(struct state *state, struct reader *reader) {
  const char *name = state->subject = read_string(reader);
  return (int)or_errno(sethostname(name, strlen(name)));
}

static int do_domainname(struct state *state, struct reader *reader) {
  const char *name = state->subject = read_string(reader);
  return (int)or_errno(setdomainname(name, strlen(name)));
}

static int do_rlimit(struct state *state, struct reader *reader) {
  (void)state;
  int resource = (int)read_u64(reader);
  struct rlimit limit = {.rlim_cur = read_u64(reader), .rlim_max = read_u64(reader)};
  return (int)or_errno(setrlimit(resource, &limit));
}

/*
 * Write to a file of procfs, through a mount of its own that is nowhere attached: what the image or a volume has put
 * at /proc does not matter, nor that the guest's is read-only.
 */
static int write_proc(const char *path, struct bytes data) {
  cleanup_fd int proc = mount_detached("proc");
  if (proc < 0) return proc;
  cleanup_fd int fd = open_in_root(proc, path, O_WRONLY);
  if (fd < 0) return fd;
  return write_file(fd, data);
}

static int do_sysctl(struct state *state, struct reader *reader) {
  const char *name = state->subject = read_string(reader);
  struct bytes data = read_bytes(reader);
  char path[512];
  int size = snprintf(path, sizeof path, "sys/%s", name);
  if (size < 0 || (size_t)size >= sizeof path) return -ENAMETOOLONG;
  if (!strchr(name, '/'))
    for (char *dot = path + strlen("sys/"); (dot = strchr(dot, '.')); dot++) *dot = '/';
  return write_proc(path, data);
}

static int do_label(struct state *state, struct reader *reader) {
  const char *attribute = state->subject = read_string(reader);
  struct bytes data = read_bytes(reader);
  char path[512];
  int size = snprintf(path, sizeof path, "self/attr/%s", attribute);
  if (size < 0 || (size_t)size >= sizeof path) return -ENAMETOOLONG;
  return write_proc(path, data);
}

static int do_umask(struct state *state, struct reader *reader) {
  umask((mode_t)read_u64(reader));
  state->umask_set = 1;
  return 0;
}

static int do_chdir(struct state *state, struct reader *reader) {
  cleanup_fd int fd = make_folders_in_root(state->root, state->subject = read_string(reader), 0755);
  if (fd < 0) return fd;
  return (int)or_errno(fchdir(fd));
}

/* By system call: the C library's wrappers would look for threads that fork(2) did not copy. */
static int do_user(struct state *state, struct reader *reader) {
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

static int do_bounding(struct state *state, struct reader *reader) {
  (void)state;
  uint64_t mask = read_u64(reader);
  for (unsigned long capability = 0; capability < 64; capability++) {
    if (mask & (uint64_t)1 << capability) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
      return errno == EINVAL ? 0 : -errno; /* past the last one of this kernel */
  }
  return 0;
}

static int do_capabilities(struct state *state, struct reader *reader) {
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

static int do_no_new_privileges(struct state *state, struct reader *reader) {
  (void)state;
  (void)reader;
  return (int)or_errno(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static int do_seccomp(struct state *state, struct reader *reader) {
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

static const struct {
  const char *name;
  operation perform;
} operations[] = {
    {"open", do_open},
    {"write", do_write},
    {"join", do_join},
    {"unshare", do_unshare},
    {"propagation", do_propagation},
    {"root", do_root},
    {"mount", do_mount},
    {"remount", do_remount},
    {"mkdir", do_mkdir},
    {"mknod", do_mknod},
    {"symlink", do_symlink},
    {"mask", do_mask},
    {"readonly", do_readonly},
    {"pivot", do_pivot},
    {"hostname", do_hostname},
    {"domainname", do_domainname},
    {"rlimit", do_rlimit},
    {"sysctl", do_sysctl},
    {"label", do_label},
    {"umask", do_umask},
    {"chdir", do_chdir},
    {"user", do_user},
    {"bounding", do_bounding},
    {"capabilities", do_capabilities},
    {"noNewPrivileges", do_no_new_privileges},
    {"seccomp", do_seccomp},
};

int perform_plan(struct bytes plan, char *step, size_t step_size) {
  struct reader reader = {
      .at = (const uint8_t *)plan.data,
      .end = (const uint8_t *)plan.data + plan.size,
  };
  struct state state = {.root = -1, .subject = ""};
  mode_t mask = umask(0); /* modes as the plan has them */
  int result = 0;
  for (uint32_t left = read_u32(&reader); left > 0 && result >= 0; left--) {
    uint32_t code = read_u32(&reader);
    const char *name = "unknown operation";
    state.subject = "";
    if (reader.failed || code >= sizeof operations / sizeof *operations) {
      result = -EBADMSG;
    } else {
      name = operations[code].name;
      result = operations[code].perform(&state, &reader);
      if (reader.failed) result = -EBADMSG;
    }
    if (result < 0) snprintf(step, step_size, "%s%s%s", name, *state.subject ? " " : "", state.subject);
  }
  if (reader.failed) result = -EBADMSG; /* not even a count */
  if (!state.umask_set) umask(mask);
  dw_close_fd(&state.root);
  return result < 0 ? result : 0;
}

/* For tests: performs a plan in the calling process. 0 or -errno, the step in `step`. */
DW_EXPORT int dw_perform(const char *plan, uint64_t size, char *step, uint64_t step_size) {
  return perform_plan((struct bytes){plan, size}, step, step_size);
}
