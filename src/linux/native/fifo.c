/* FIFOs of the shim's own. */
#include "native.h"

#include <sys/stat.h>

/* mkfifo(3), the umask applied. 0 or -errno. */
DW_EXPORT int dw_mkfifo(const char *path, uint32_t mode) {
  return (int)or_errno(mkfifo(path, (mode_t)mode));
}
