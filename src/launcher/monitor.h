/* What a monitor knows and its parts: see docs/architecture.md, "launcher monitor". */
#ifndef DENOWASI_MONITOR_H
#define DENOWASI_MONITOR_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#include "turn.h"

/* The longest text of a step that is passed on, in bytes. */
#define MONITOR_STEP_SIZE 512
/* The longest command of the supervisor, in bytes with its newline: a word and a path. */
#define MONITOR_COMMAND_SIZE (64 + PATH_MAX)
/* How much of a terminal is held for a reader that is slow, in bytes each way. */
#define TERMINAL_BUFFER_SIZE 16384
/* The exit code of what was ended before it was a process of the container. */
#define MONITOR_KILLED (128 + SIGKILL)

enum stream { STREAM_IN, STREAM_OUT, STREAM_ERROR, STREAMS };

/* Bytes on their way: those from `start` to `end`. */
struct buffer {
  size_t start;
  size_t end;
  char data[TERMINAL_BUFFER_SIZE];
};

struct terminal {
  /* -1 until it has come. */
  int master;
  /* The far ends of the copy; -1: none, or done with. */
  int input;
  int output;
  /* From input to master, and from master to output. */
  struct buffer in;
  struct buffer out;
  /* No process has the terminal open: not to be asked before this time of CLOCK_MONOTONIC. */
  int64_t retry_ms;
  /* The size it shall have, when it is not all zero. */
  struct winsize size;
};

struct memory {
  /* Readable when the cgroup was out of memory; -1: nothing is watched. */
  int event;
  /* The file that holds the count of kills. */
  int counter;
  /* The count that the supervisor knows of. */
  long kills;
  /* When to look again, and how often: the event may come before the count. */
  int64_t look_ms;
  int looks;
};

struct monitor {
  /* The command line; texts are "" when they are not given. Paths are absolute. */
  const char *key;
  /* Where `exit` is written. */
  const char *folder;
  const char *socket;
  const char *streams[STREAMS];
  bool has_terminal;
  const char *pid_file;
  const char *console_path;
  /* COMMAND and its arguments; NULL when the process was forked before. */
  char *const *command_line;

  /* COMMAND, not reaped while this is set; 0: none, or it has ended. */
  pid_t command;
  /* COMMAND was told to end: no process is taken from it. */
  bool doomed;
  /* The process and its pidfd; not reaped before monitor_finish(), so neither can mean another. */
  pid_t process;
  int pidfd;
  /* From a forked process: its report; -1 when it has ended. */
  int status;
  /* To a forked process: one byte starts it, a close before that ends it; -1 when done. */
  int start;
  /* A signalfd(2) of SIGCHLD. */
  int children;
  /* What the terminal comes by: a listening socket, then its connection; -1: none. */
  int console;
  bool console_listens;
  /* The FIFOs, open at both ends. */
  int held[STREAMS];
  struct terminal terminal;
  struct memory memory;

  /* The supervisor; -1 when it is lost. */
  int control;
  /* When to connect anew, of CLOCK_MONOTONIC. */
  int64_t connect_ms;
  /* Whether the process was told to run, or is known to. */
  bool started;
  bool ready;
  /* Whether stdin shall end. */
  bool stdin_over;
  /* Nothing is left to wait for. */
  bool over;
  /* How COMMAND refused; -1: it did not. */
  int refused;
  /* Why there is no process: an errno and the step. */
  bool failed;
  uint32_t failure;
  char failed_step[MONITOR_STEP_SIZE + 1];

  /* The forked process's report so far: 'R', or 'F', errno (u32 little-endian), step. */
  uint8_t report[1 + 4 + MONITOR_STEP_SIZE];
  size_t report_length;
  /* The start of a command whose newline has not come. */
  char command_text[MONITOR_COMMAND_SIZE];
  size_t command_length;
};

/* monitor_arguments.c: reads and checks the command line; -1, reported. */
int monitor_parse(struct monitor *monitor, int argc, char *const *argv);

/* monitor.c: notes why there is no process, unless a reason is known; -1. */
int monitor_fail(struct monitor *monitor, uint32_t error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Signals the process; SIGKILL before there is one ends COMMAND and all it began. */
void monitor_kill(struct monitor *monitor, int number);

/* The process is set up: says so. */
void monitor_get_ready(struct monitor *monitor);

/* monitor_connection.c: connects to the supervisor for the first time; reports a failure. */
void connection_open(struct monitor *monitor);

/* Connects again when it is lost and it is time. */
void connection_renew(struct monitor *monitor);

/* When connection_renew() has something to do. */
void connection_wait(const struct monitor *monitor, struct turn *turn);

/* Says so to the supervisor when it is there; a failure loses it. */
void monitor_send(struct monitor *monitor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Loses the supervisor. */
void connection_lose(struct monitor *monitor);

/* Ends the connection so that what was sent arrives. */
void connection_close(struct monitor *monitor);

/* monitor_commands.c: reads and obeys what has come on `control`. */
void commands_read(struct monitor *monitor);

/* monitor_forked.c: makes sure that the process is a child; -1, reported: touch it not. */
int forked_open(struct monitor *monitor);

/* Reads what has come on `status`. */
void forked_read(struct monitor *monitor);

/* Lets the process run. */
void forked_start(struct monitor *monitor);

/* Notes the failure that the process told of, if it did. */
void forked_fail(struct monitor *monitor);

/* monitor_runtime.c: starts COMMAND. When it cannot, the monitor has failed and is over. */
void runtime_start(struct monitor *monitor);

/* COMMAND has ended in this way, and is not reaped: takes its process, or ends all it began. */
void runtime_end(struct monitor *monitor, const siginfo_t *end);

/* Tells COMMAND and all it began to end. */
void runtime_kill(struct monitor *monitor);

/* monitor_children.c: takes SIGCHLD by a descriptor; -1, reported. */
int children_open(struct monitor *monitor);

/* Reaps every child that has ended but the process. */
void children_reap(struct monitor *monitor);

/* SIGKILL for every child that there is now. */
void children_kill(void);

/* Kills and reaps all children, and theirs, for a while; reports when some are left. */
void children_end(const struct monitor *monitor);

/* The exit code as a shell counts: 0-255, or 128 + signal. */
int exit_code(const siginfo_t *end);

/* monitor_streams.c: holds the FIFOs and opens the ends of the terminal's copy; -1, failed. */
int streams_open(struct monitor *monitor);

/*
 * Opens stream `stream` as the process has it, blocking, or non-blocking as the copy has it; -1,
 * failed. A stream that is not given is /dev/null.
 */
int streams_open_one(struct monitor *monitor, enum stream stream, bool blocking);

/* Lets go of stdin, once the process has opened its own. */
void streams_close_stdin(struct monitor *monitor);

/* Lets go of all. */
void streams_release(struct monitor *monitor);

/* monitor_console.c: listens for the terminal; -1, failed. */
int console_open(struct monitor *monitor);

/* Takes the terminal if it has come. */
void console_read(struct monitor *monitor);

/* Removes what is left of it. */
void console_close(struct monitor *monitor);

/* monitor_terminal.c: takes `master`, which is closed if it is none or not wanted. */
void terminal_take(struct monitor *monitor, int master);

void terminal_wait(struct monitor *monitor, struct turn *turn);

void terminal_resize(struct monitor *monitor, int width, int height);

/* After the process's end: brings all that it wrote to the output, unless nobody reads there. */
void terminal_drain(struct monitor *monitor);

/* monitor_memory.c: watches the cgroup `path`, and no other; reports a failure. */
void memory_watch(struct monitor *monitor, const char *path);

void memory_wait(struct monitor *monitor, struct turn *turn);

/* Looks again if it is time. */
void memory_look_again(struct monitor *monitor);

/* Tells the supervisor if there were kills that it does not know of; whether there were. */
bool memory_look(struct monitor *monitor);

/* monitor_end.c: after the end: reaps, writes `exit`, and tells the supervisor all it must know. */
void monitor_finish(struct monitor *monitor);

#endif
