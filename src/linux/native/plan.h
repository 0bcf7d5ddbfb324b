/* The operations of a sandbox plan, one function each; the table of them is in plan.c. */
#ifndef DENOWASI_PLAN_H
#define DENOWASI_PLAN_H

#include "native.h"

/* What the operations of a plan leave for later ones. */
struct state {
  int root;            /* O_PATH descriptor of the container's root, or -1 */
  int umask_set;       /* the plan has set the umask */
  const char *subject; /* what the operation at hand is about, for the error */
  char text[32];       /* for a subject that is no string of the plan */
};

/* Reads its arguments and performs. 0, or -errno. */
typedef int operation(struct state *, struct reader *);

operation do_open, do_write, do_sysctl, do_label;
operation do_join, do_unshare, do_enter, do_hostname, do_domainname;
operation do_propagation, do_root, do_mount, do_remount, do_mkdir, do_mknod, do_symlink, do_mask,
    do_readonly, do_pivot, do_chdir;
operation do_rlimit, do_umask, do_user, do_bounding, do_capabilities, do_no_new_privileges,
    do_seccomp;
operation do_terminal, do_listen;

#endif
