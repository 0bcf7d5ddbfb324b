/*
 * Performs a sandbox plan (../plan.ts) in the calling process, one operation after the other.
 *
 * An encoded plan is a u32 count, then for each operation a u32 code and its arguments in the order of
 * ../plan_codec.ts, which holds the same table.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <stdio.h>
#include <sys/stat.h>

static const struct {
  const char *name;
  operation *perform;
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
    {"enter", do_enter},
    {"terminal", do_terminal},
    {"listen", do_listen},
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
