/*
 * The zygote: waits for containers to start and forks itself for each.
 *
 * Once a module is compiled, a container costs no JavaScript here: the request is read, the module is looked
 * up by its digest and the process forks, all in one native call. See docs/architecture.md
 * for the frames on the control socket.
 */
#define _GNU_SOURCE
#include "zygote.h"
#include "../../launcher/sha256.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

enum next { NEXT_END = 0, NEXT_COMPILE = 1, NEXT_RUN = 2 };

enum { MAX_REQUEST = 16 << 20 };

/* What JavaScript has compiled: a module, by digest, with a limit of its memory and an export that it checked. */
struct compiled {
  uint8_t digest[DIGEST_SIZE];
  char *memory_limit;
  char *export_name;
  int served;
};

static struct {
  int control;
  int pending; /* `request` waits for JavaScript to compile it */
  int moved;   /* JavaScript has run since the last fork: V8 may have new mappings */
  struct request request;
  struct compiled *compiled;
  int compiled_count;
} zygote = {.control = -1, .moved = 1};

/* Wiped: it holds a container's arguments and environment, and the next fork is another container. */
static void release_request(struct request *request) {
  if (request->frame) explicit_bzero(request->frame, request->frame_size);
  free(request->frame);
  if (request->code) munmap(request->code, request->code_size);
  memset(request, 0, sizeof *request);
}

static int answer(struct bytes key, const char *kind, const char *message) {
  static const size_t most[] = {256, 32, 1024};
  uint8_t frame[4 + 3 * 5 + 256 + 32 + 1024];
  const char *fields[] = {key.data, kind, message};
  size_t at = 4;
  for (int i = 0; i < 3; i++) {
    size_t size = strnlen(fields[i], most[i]);
    uint32_t prefix = (uint32_t)size;
    memcpy(frame + at, &prefix, 4);
    memcpy(frame + at + 4, fields[i], size);
    frame[at + 4 + size] = 0;
    at += 4 + size + 1;
  }
  uint32_t size = (uint32_t)(at - 4);
  memcpy(frame, &size, 4);
  return write_all(zygote.control, frame, at);
}

static int answer_errno(struct bytes key, const char *what, int failed) {
  char message[512];
  const char *kind = "Internal";
  if (failed == -ENOENT || failed == -ENOTDIR) kind = "NotFound";
  if (failed == -ENOEXEC || failed == -EISDIR || failed == -ELOOP) kind = "InvalidArgument";
  if (failed == -EBADMSG) kind = "DataLoss";
  const char *reason = failed == -ENOEXEC   ? "empty, or not a file"
                       : failed == -EBADMSG ? "its bytes have another SHA-256"
                                            : strerror(-failed);
  snprintf(message, sizeof message, "%s: %s", what, reason);
  return answer(key, kind, message);
}

static int receive_request(struct request *request) {
  uint32_t size;
  try_step(read_all(zygote.control, &size, sizeof size));
  if (size > MAX_REQUEST) return -EMSGSIZE;
  request->frame = malloc(size ? size : 1);
  if (!request->frame) return -ENOMEM;
  request->frame_size = size;
  try_step(read_all(zygote.control, request->frame, size));
  struct reader reader = {.at = request->frame, .end = request->frame + size};
  struct bytes *fields[] = {
      &request->key,         &request->root,         &request->module,       &request->expected,
      &request->export_name, &request->memory_limit, &request->monitor_plan, &request->init_plan,
      &request->guest,       &request->launcher,     &request->served_plan,  &request->lock,
      &request->refusal,
  };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) *fields[i] = read_bytes(&reader);
  uint32_t count = read_u32(&reader);
  if (count > MAX_ARGUMENTS) return -E2BIG;
  for (uint32_t i = 0; i < count; i++) request->arguments[i] = read_string(&reader);
  request->argument_count = count;
  return reader.failed ? -EBADMSG : 0;
}

/* Whether `digest` is the one that the request expects: hex, or empty for any. */
static int is_expected(const struct request *request) {
  char hex[2 * DIGEST_SIZE + 1];
  for (int i = 0; i < DIGEST_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", request->digest[i]);
  return !request->expected.data[0] || !strcmp(request->expected.data, hex);
}

/* Map the guest's module, opened below its root, and take its digest. */
static int load_module(struct request *request) {
  cleanup_fd int root = open(request->root.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -errno;
  cleanup_fd int file = open_in_root(root, request->module.data, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return file;
  struct stat info;
  try_call(fstat(file, &info));
  if (!S_ISREG(info.st_mode) || info.st_size == 0) return -ENOEXEC;
  /* Read, not mapped from the file: a writer of the file must not change what was hashed. */
  void *code = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return -errno;
  request->code = code;
  request->code_size = (size_t)info.st_size;
  try_step(read_all(file, request->code, request->code_size));
  struct sha256 hash;
  sha256_init(&hash);
  sha256_update(&hash, request->code, request->code_size);
  sha256_final(&hash, request->digest);
  return is_expected(request) ? 0 : -EBADMSG;
}

static int find_compiled(const struct request *request) {
  for (int i = 0; i < zygote.compiled_count; i++)
    if (!memcmp(zygote.compiled[i].digest, request->digest, DIGEST_SIZE) &&
        !strcmp(zygote.compiled[i].memory_limit, request->memory_limit.data) &&
        !strcmp(zygote.compiled[i].export_name, request->export_name.data))
      return i;
  return -1;
}

/* Connect to the supervisor, and say the line `greeting`. 0 or -errno. */
DW_EXPORT int dw_zygote_connect(const char *socket_path, const char *greeting) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(socket_path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, socket_path);
  zygote.control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  try_call(zygote.control);
  try_call(connect(zygote.control, (struct sockaddr *)&address, sizeof address));
  signal(SIGCHLD, SIG_IGN); /* monitors are reaped by the kernel: their exits are nothing to us */
  prctl(PR_SET_NAME, "denowasi-zygote", 0, 0, 0);
  return write_all(zygote.control, greeting, strlen(greeting));
}

/* Before a fork, after JavaScript has run. 0 or -errno. */
static int prepare_fork(void) {
  if (zygote.moved) try_step(allow_fork_of_all_mappings());
  zygote.moved = 0;
  return 0;
}

/*
 * Serve requests until one needs JavaScript: NEXT_COMPILE (the request's module is new; answer with dw_zygote_register or
 * dw_zygote_refuse, then call again), NEXT_RUN (this is a container's init now, started: run the module of
 * dw_zygote_slot and never return to the event loop), NEXT_END (the supervisor has gone), or -errno.
 */
DW_EXPORT int dw_zygote_next(void) {
  struct request *request = &zygote.request;
  for (;;) {
    if (!zygote.pending) {
      release_request(request);
      int failed = receive_request(request);
      if (failed == -EPIPE || failed == -ECONNRESET) return NEXT_END;
      if (failed < 0) return failed;
      failed = load_module(request);
      if (failed < 0) {
        try_step(answer_errno(request->key, request->module.data, failed));
        continue;
      }
      request->slot = find_compiled(request);
    }
    if (request->slot < 0) {
      zygote.pending = 1;
      zygote.moved = 1;
      return NEXT_COMPILE;
    }
    zygote.pending = 0;
    request->served = zygote.compiled[request->slot].served;
    if (request->served && request->refusal.size > 0) {
      try_step(answer(request->key, "InvalidArgument", request->refusal.data));
      continue;
    }
    int forked = prepare_fork();
    if (forked == 0) forked = fork_container(request);
    if (forked > 0) return NEXT_RUN;
    if (forked < 0)
      try_step(answer_errno(request->key, "fork the zygote", forked));
    else
      try_step(answer(request->key, "ok", ""));
    release_request(request);
  }
}

/* The bytes of the module to compile, valid until the next call; their count goes to `size`. */
DW_EXPORT const uint8_t *dw_zygote_code(uint64_t *size) {
  *size = zygote.request.code_size;
  return zygote.request.code;
}

/* The 32 bytes of the module's SHA-256. */
DW_EXPORT const uint8_t *dw_zygote_digest(void) { return zygote.request.digest; }

/*
 * The request's path of the module, export, guest JSON, limit of memory, root and expected digest, by `which` 0 to 5;
 * NUL-terminated.
 */
DW_EXPORT const char *dw_zygote_field(uint32_t which) {
  const struct request *request = &zygote.request;
  const struct bytes *fields[] = {&request->module,       &request->export_name, &request->guest,
                                  &request->memory_limit, &request->root,        &request->expected};
  return which < sizeof fields / sizeof *fields ? fields[which]->data : "";
}

/*
 * The pending module is compiled; or, `served`, it is for a runtime of its own, which will compile it. The slot by which
 * init will ask for it, or -errno.
 */
DW_EXPORT int dw_zygote_register(uint32_t served) {
  if (served && zygote.request.served_plan.size == 0) return -EINVAL;
  size_t count = (size_t)zygote.compiled_count;
  struct compiled *grown = realloc(zygote.compiled, (count + 1) * sizeof *grown);
  if (!grown) return -ENOMEM;
  zygote.compiled = grown;
  struct compiled *entry = &grown[count];
  entry->export_name = strdup(zygote.request.export_name.data);
  entry->memory_limit = strdup(zygote.request.memory_limit.data);
  if (!entry->export_name || !entry->memory_limit) return -ENOMEM;
  entry->served = (int)served;
  memcpy(entry->digest, zygote.request.digest, DIGEST_SIZE);
  zygote.compiled_count++;
  return zygote.request.slot = (int)count;
}

/* The pending module cannot be compiled. 0 or -errno. */
DW_EXPORT int dw_zygote_refuse(const char *kind, const char *message) {
  zygote.pending = 0;
  return answer(zygote.request.key, kind, message);
}

/* The slot of the module that this init runs. */
DW_EXPORT int dw_zygote_slot(void) { return zygote.request.slot; }

/* Write to stderr and end this process, without the runtime's exit handlers, which belong to the zygote. */
DW_EXPORT void dw_exit(int code, const char *message) {
  write_all(STDERR_FILENO, message, strlen(message));
  _exit(code);
}
