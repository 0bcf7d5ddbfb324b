/* What a monitor knows: see docs/architecture.md, "launcher monitor". */
#ifndef DENOWASI_MONITOR_H
#define DENOWASI_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest text of a step that is passed on, in bytes. */
#define MONITOR_STEP_SIZE 512
/* The longest command of the supervisor, in bytes with its newline. */
#define MONITOR_COMMAND_SIZE 64

struct monitor {
  const char *id;
  /* The container's folder, absolute; `exit` is written there. */
  const char *folder;
  /* Init and its pidfd; not reaped before monitor_finish(), so neither can mean another. */
  pid_t init;
  int pidfd;
  /* From init: its report; -1 when it has ended. */
  int status;
  /* To init: one byte starts it, a close before that ends it; -1 when done. */
  int start;
  /* The supervisor; -1 when it is lost. */
  int control;
  /* Whether init was told to run. */
  bool started;
  /* Init's report so far: 'R', or 'F', errno (u32 little-endian), step. */
  uint8_t report[1 + 4 + MONITOR_STEP_SIZE];
  size_t report_length;
  /* The start of a command whose newline has not come. */
  char command[MONITOR_COMMAND_SIZE];
  size_t command_length;
};

/* Says so to the supervisor when it is there; a failure loses it. */
void monitor_send(struct monitor *monitor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads what has come on `status`, which must be readable. */
void monitor_read_status(struct monitor *monitor);

/* Reads and obeys what has come on `control`, which must be readable. */
void monitor_read_control(struct monitor *monitor);

/* After init's end: reaps it, writes `exit`, and tells the supervisor all it must know. */
void monitor_finish(struct monitor *monitor);

#endif
