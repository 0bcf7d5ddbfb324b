/* The operation of a plan that gives the process a terminal: pty(7), ioctl_tty(2). */
#define _GNU_SOURCE
#include "plan.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* Whether `fd` is on a devpts, which no image can hold. 0 or -errno. */
static int check_devpts(int fd) {
  struct statfs info;
  try_call(fstatfs(fd, &info));
  return info.f_type == DEVPTS_SUPER_MAGIC ? 0 : -ENODEV;
}

/* A new pty of the container's own devpts: its master, or -errno. Nothing but a devpts is opened. */
static int open_master(int root) {
  cleanup_fd int folder = open_in_root(root, "/dev/pts", O_PATH | O_DIRECTORY);
  if (folder < 0) return folder;
  try_step(check_devpts(folder));
  cleanup_fd int path = openat(folder, "ptmx", O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (path < 0) return -errno;
  struct stat info;
  try_call(fstat(path, &info));
  try_step(check_devpts(path)); /* the file may be a mount of its own */
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(5, 2)) return -ENODEV;
  return (int)or_errno(openat(folder, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
}

/* Bind the terminal to /dev/console, as runc does. */
static int mount_console(int root, int slave) {
  unsigned flags = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  cleanup_fd int tree = (int)syscall(SYS_open_tree, slave, "", flags);
  if (tree < 0) return -errno;
  cleanup_fd int at = make_file_in_root(root, "/dev/console");
  if (at < 0) return at;
  return attach_tree(tree, at);
}

/* `T` with the master, to the monitor. */
static int send_master(int master) {
  char byte = 'T';
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof master)];
  } control = {.head = {.cmsg_len = CMSG_LEN(sizeof master),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.head), &master, sizeof master);
  struct msghdr message = {
      .msg_iov = &data,
      .msg_iovlen = 1,
      .msg_control = &control,
      .msg_controllen = sizeof control.space,
  };
  ssize_t sent;
  do sent = sendmsg(STATUS, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

int do_terminal(struct state *state, struct reader *reader) {
  struct winsize size = {.ws_col = (unsigned short)read_u64(reader)};
  size.ws_row = (unsigned short)read_u64(reader);
  uid_t uid = (uid_t)read_u64(reader);
  int console = read_u64(reader) != 0;
  if (reader->failed) return -EBADMSG;
  state->subject = "/dev/pts/ptmx";
  const int unlocked = 0;
  cleanup_fd int master = open_master(state->root);
  if (master < 0) return master;
  try_call(ioctl(master, TIOCSPTLCK, &unlocked));
  cleanup_fd int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  try_call(slave);
  if (master <= STDERR_FILENO || slave <= STDERR_FILENO) return -EBADF; /* they were not open */
  try_call(fchown(slave, uid, (gid_t)-1));
  if (size.ws_col && size.ws_row) try_call(ioctl(master, TIOCSWINSZ, &size));
  if (console) try_step(mount_console(state->root, slave));
  for (int fd = 0; fd <= STDERR_FILENO; fd++) try_call(dup2(slave, fd));
  try_call(ioctl(slave, TIOCSCTTY, 0));
  return send_master(master);
}
