/* Operations of a plan that make the container's file system. */
#define _GNU_SOURCE
#include "plan.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

int do_propagation(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return -errno;
  return set_mount_attributes(fd, 0, read_u64(reader));
}

int do_root(struct state *state, struct reader *reader) {
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

int do_mount(struct state *state, struct reader *reader) {
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

int do_remount(struct state *state, struct reader *reader) {
  cleanup_fd int fd = open_in_root(state->root, state->subject = read_string(reader), O_PATH);
  if (fd < 0) return fd;
  return set_mount_attributes(fd, read_u64(reader), 0);
}

int do_mkdir(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  cleanup_fd int fd = make_folders_in_root(state->root, path, (mode_t)read_u64(reader));
  return fd < 0 ? fd : 0;
}

int do_mknod(struct state *state, struct reader *reader) {
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

int do_symlink(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  const char *target = read_string(reader);
  const char *name;
  cleanup_fd int parent = make_parent_in_root(state->root, path, &name);
  if (parent < 0) return parent;
  return symlinkat(target, parent, name) < 0 && errno != EEXIST ? -errno : 0;
}

int do_mask(struct state *state, struct reader *reader) {
  cleanup_fd int at = open_in_root(state->root, state->subject = read_string(reader), O_PATH);
  if (at < 0) return at == -ENOENT || at == -ENOTDIR ? 0 : at;
  struct stat info;
  try_call(fstat(at, &info));
  if (S_ISDIR(info.st_mode)) return mount_empty_tmpfs(at);
  cleanup_fd int null = clone_tree("/dev/null", 0);
  if (null < 0) return null;
  return attach_tree(null, at);
}

int do_readonly(struct state *state, struct reader *reader) {
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
int do_pivot(struct state *state, struct reader *reader) {
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

int do_chdir(struct state *state, struct reader *reader) {
  const char *path = state->subject = read_string(reader);
  cleanup_fd int fd = open_in_root(state->root, path, O_PATH | O_DIRECTORY);
  if (fd < 0) return fd;
  return (int)or_errno(fchdir(fd));
}
