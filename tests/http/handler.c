// A wasi:http/proxy component: what it answers depends on the first part of the path.

#include "wasi.h"

#define EXPORT(name) __attribute__((export_name(name)))

enum { HEAP_SIZE = 1 << 20, MILLISECOND = 1000000, CONNECTION_REFUSED = 6, INTERNAL_ERROR = 38 };

// Everything that a request needs; given back as a whole.
static _Alignas(16) char heap[HEAP_SIZE];
static size_t heap_used;
static unsigned served;

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t alignment, size_t size) {
  heap_used = (heap_used + alignment - 1) & ~(alignment - 1);
  if (size > HEAP_SIZE - heap_used) __builtin_trap();
  char *made = heap + heap_used;
  heap_used += size;
  for (size_t i = 0; i < old_size; i++) made[i] = ((char *)old)[i];
  return made;
}

static text literal(const char *from) { return (text){from, __builtin_strlen(from)}; }

static bool equals(text a, text b) {
  if (a.size != b.size) return false;
  for (size_t i = 0; i < a.size; i++)
    if (a.data[i] != b.data[i]) return false;
  return true;
}

// Cuts the part before the first `mark` off.
static text cut(text *from, char mark) {
  size_t at = 0;
  while (at < from->size && from->data[at] != mark) at++;
  text part = {from->data, at};
  if (at < from->size) at++;
  *from = (text){from->data + at, from->size - at};
  return part;
}

static uint64_t number(text from) {
  uint64_t value = 0;
  for (size_t i = 0; i < from.size; i++) value = value * 10 + (uint64_t)(from.data[i] - '0');
  return value;
}

static text digits(uint64_t value) {
  char *at = cabi_realloc(NULL, 0, 1, 20), *end = at + 20, *from = end;
  do *--from = (char)('0' + value % 10);
  while (value /= 10);
  return (text){from, (size_t)(end - from)};
}

static void check(bool failed) {
  if (failed) __builtin_trap();
}

static void add_field(handle fields, const char *name, text value) {
  empty_result result;
  fields_append(fields, name, __builtin_strlen(name), value.data, value.size, &result);
  check(result.failed);
}

static void print(handle stream, text what) {
  write_result result;
  blocking_write(stream, what.data, what.size, &result);
  check(result.failed);
  drop_output(stream);
}

static void sleep(uint64_t ns) {
  handle timer = subscribe_duration(ns);
  pollable_block(timer);
  drop_pollable(timer);
}

// Sends the head; the stream of the body is next to be written.
static handle begin(handle out, int32_t status, handle fields, handle *body) {
  handle_result result;
  handle response = new_response(fields);
  check(response_set_status(response, status));
  response_body(response, &result);
  check(result.failed);
  *body = result.value;
  outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
  body_write(*body, &result);
  check(result.failed);
  return result.value;
}

static void finish(handle body, handle stream) {
  code_result result;
  drop_output(stream);
  outgoing_finish(body, 0, 0, &result);
  check(result.failed);
}

static void respond(handle out, int32_t status, text what) {
  handle body, fields = new_fields();
  add_field(fields, "content-type", literal("text/plain"));
  handle stream = begin(out, status, fields, &body);
  write_result result;
  while (what.size > 0) { // 4 KiB at a time: the most that this call takes
    size_t size = what.size < 4096 ? what.size : 4096;
    blocking_write(stream, what.data, size, &result);
    check(result.failed);
    what.data += size;
    what.size -= size;
  }
  finish(body, stream);
}

static void fail(handle out, int32_t code) { outparam_set(out, 1, code, 0, 0, 0, 0, 0, 0); }

static handle input_of(handle body) {
  handle_result result;
  body_stream(body, &result);
  check(result.failed);
  return result.value;
}

// Copies what comes as it comes, and each time gives the memory back.
static void copy(handle from, handle to) {
  for (;;) {
    size_t used = heap_used;
    read_result chunk;
    blocking_read(from, 65536, &chunk);
    if (chunk.failed) {
      check(!chunk.closed);
      return;
    }
    while (chunk.data.size > 0) {
      write_result written;
      size_t size = chunk.data.size < 4096 ? chunk.data.size : 4096;
      blocking_write(to, chunk.data.data, size, &written);
      check(written.failed);
      chunk.data.data += size;
      chunk.data.size -= size;
    }
    heap_used = used;
  }
}

static void splice(handle from, handle to) {
  for (;;) {
    count_result moved;
    blocking_splice(to, from, 65536, &moved);
    if (moved.failed) {
      check(!moved.closed);
      return;
    }
  }
}

// Copies without blocking calls: both streams' readiness by one poll.
static void copy_by_poll(handle from, handle to) {
  text rest = {NULL, 0};
  for (;;) {
    count_result room = {0};
    read_result chunk;
    write_result written;
    handle ready = rest.size > 0 ? output_subscribe(to) : input_subscribe(from);
    text indices;
    poll(&ready, 1, &indices);
    check(indices.size != 1);
    drop_pollable(ready);
    if (rest.size > 0) {
      check_write(to, &room);
      check(room.failed);
      size_t size = rest.size < room.count ? rest.size : (size_t)room.count;
      stream_write(to, rest.data, size, &written);
      check(written.failed);
      rest.data += size;
      rest.size -= size;
      continue;
    }
    heap_used = 0;
    stream_read(from, 65536, &chunk);
    if (chunk.failed) break;
    rest = chunk.data;
  }
  write_result flushed;
  blocking_flush(to, &flushed);
  check(flushed.failed);
}

static void echo(handle request, handle out, void (*by)(handle, handle)) {
  handle_result consumed;
  request_consume(request, &consumed);
  check(consumed.failed);
  handle body, stream = begin(out, 200, new_fields(), &body);
  handle input = input_of(consumed.value);
  by(input, stream);
  drop_input(input);
  drop_incoming_body(consumed.value);
  finish(body, stream);
}

// Answers with the trailers of the request, and with trailers of its own.
static void trailers(handle request, handle out) {
  handle_result consumed;
  request_consume(request, &consumed);
  check(consumed.failed);
  handle input = input_of(consumed.value);
  read_result chunk;
  do blocking_read(input, 65536, &chunk);
  while (!chunk.failed);
  drop_input(input);
  handle future = body_finish(consumed.value), ready = trailers_subscribe(future);
  pollable_block(ready);
  drop_pollable(ready);
  trailers_result result;
  trailers_get(future, &result);
  check(!result.some || result.value.failed);
  text what = literal(result.value.result.failed         ? "failed\n"
                      : result.value.result.trailers.some ? "some\n"
                                                          : "none\n");
  handle body, stream = begin(out, 200, new_fields(), &body);
  write_result written;
  blocking_write(stream, what.data, what.size, &written);
  drop_output(stream);
  handle fields = new_fields();
  add_field(fields, "x-end", literal("yes"));
  code_result finished;
  outgoing_finish(body, 1, fields, &finished);
  check(finished.failed);
}

// Each field as a line, those of the request.
static void headers(handle request, handle out) {
  field_list list;
  handle fields = request_headers(request);
  fields_entries(fields, &list);
  drop_fields(fields);
  handle body, stream = begin(out, 200, new_fields(), &body);
  for (size_t i = 0; i < list.size; i++) {
    text parts[] = {list.data[i].name, literal(": "), list.data[i].value, literal("\n")};
    write_result result;
    for (size_t j = 0; j < 4; j++) blocking_write(stream, parts[j].data, parts[j].size, &result);
  }
  finish(body, stream);
}

// What header names and values are refused: one digit for each of them, 0 when it was taken.
static void refused(handle request, handle out) {
  static const char *const NAMES[] = {"x-good", "Host", "connection", "bad name", "", "x-value"};
  text answer = {cabi_realloc(NULL, 0, 1, 9), 0};
  char *at = (char *)answer.data;
  handle fields = new_fields(), mine = request_headers(request);
  empty_result result;
  for (size_t i = 0; i < 6; i++) {
    text value = literal(i == 5 ? "a\nb" : "a");
    fields_append(fields, NAMES[i], __builtin_strlen(NAMES[i]), value.data, value.size, &result);
    *at++ = (char)('0' + (result.failed ? 1 + result.error : 0));
  }
  fields_append(mine, "x-good", 6, "a", 1, &result); // the request's are immutable
  *at++ = (char)('0' + (result.failed ? 1 + result.error : 0));
  *at++ = (char)('0' + fields_has(fields, "X-GOOD", 6));
  *at++ = '\n';
  drop_fields(fields);
  drop_fields(mine);
  respond(out, 200, (text){answer.data, 9});
}

// Sends the request's method and body to `target`, AUTHORITY/PATH, and answers with what comes back.
static void forward(handle request, handle out, text target, uint64_t timeout_ns) {
  variant_text method;
  request_method(request, &method);
  text authority = cut(&target, '/');
  char *path = cabi_realloc(NULL, 0, 1, target.size + 1);
  path[0] = '/';
  for (size_t i = 0; i < target.size; i++) path[i + 1] = target.data[i];
  handle headers = new_fields();
  add_field(headers, "x-forwarded", literal("by wasm"));
  handle outgoing = new_request(headers);
  check(set_method(outgoing, method.kind, method.other.data, method.other.size));
  check(set_scheme(outgoing, 1, 0, NULL, 0));
  check(set_authority(outgoing, 1, authority.data, authority.size));
  check(set_path(outgoing, 1, path, target.size + 1));
  handle_result body;
  outgoing_request_body(outgoing, &body);
  check(body.failed);
  handle options = new_options();
  if (timeout_ns > 0) check(set_first_byte_timeout(options, 1, (int64_t)timeout_ns));
  code_result sent;
  send_request(outgoing, 1, options, &sent);
  if (sent.failed) return fail(out, sent.error.kind);

  handle_result incoming, writable;
  request_consume(request, &incoming);
  check(incoming.failed);
  body_write(body.value, &writable);
  check(writable.failed);
  handle input = input_of(incoming.value);
  if (method.kind != 0) copy(input, writable.value); // GET has none
  drop_input(input);
  drop_incoming_body(incoming.value);
  drop_output(writable.value);
  code_result finished;
  outgoing_finish(body.value, 0, 0, &finished);

  handle ready = future_subscribe(sent.value);
  pollable_block(ready);
  drop_pollable(ready);
  future_result future;
  future_get(sent.value, &future);
  check(!future.some || future.value.failed);
  if (future.value.result.failed) {
    text code = digits(future.value.result.error.kind);
    drop_future(sent.value);
    return respond(out, 502, code);
  }
  handle response = future.value.result.value;
  handle fields = incoming_response_headers(response), mine = fields_clone(fields);
  handle_result consumed;
  response_consume(response, &consumed);
  check(consumed.failed);
  handle answer, stream = begin(out, response_status(response), mine, &answer);
  handle from = input_of(consumed.value);
  splice(from, stream);
  drop_input(from);
  drop_incoming_body(consumed.value);
  drop_fields(fields);
  drop_response(response);
  drop_future(sent.value);
  finish(answer, stream);
}

// `lines` numbered lines, one each `ms`.
static void stream_lines(handle out, uint64_t lines, uint64_t ms) {
  handle body, stream = begin(out, 200, new_fields(), &body);
  for (uint64_t i = 0; i < lines; i++) {
    text line = digits(i);
    write_result result;
    blocking_write(stream, line.data, line.size, &result);
    if (result.failed) break; // whoever asked has gone
    blocking_write(stream, "\n", 1, &result);
    sleep(ms * MILLISECOND);
  }
  finish(body, stream);
}

static void environment(handle out) {
  field_list list;
  get_environment(&list);
  handle body, stream = begin(out, 200, new_fields(), &body);
  for (size_t i = 0; i < list.size; i++) {
    text parts[] = {list.data[i].name, literal("="), list.data[i].value, literal("\n")};
    write_result result;
    for (size_t j = 0; j < 4; j++) blocking_write(stream, parts[j].data, parts[j].size, &result);
  }
  finish(body, stream);
}

EXPORT("wasi:http/incoming-handler@0.2.3#handle") void handle_request(handle request, handle out) {
  heap_used = 0;
  served++;
  optional_text path;
  request_path(request, &path);
  text rest = path.value;
  cut(&rest, '/');
  text route = cut(&rest, '/');
  if (equals(route, literal("echo"))) echo(request, out, copy);
  else if (equals(route, literal("splice"))) echo(request, out, splice);
  else if (equals(route, literal("poll"))) echo(request, out, copy_by_poll);
  else if (equals(route, literal("trailers"))) trailers(request, out);
  else if (equals(route, literal("headers"))) headers(request, out);
  else if (equals(route, literal("refused"))) refused(request, out);
  else if (equals(route, literal("environment"))) environment(out);
  else if (equals(route, literal("forward"))) forward(request, out, rest, 0);
  else if (equals(route, literal("impatient"))) forward(request, out, rest, 100 * MILLISECOND);
  else if (equals(route, literal("status"))) respond(out, (int32_t)number(rest), literal(""));
  else if (equals(route, literal("count"))) respond(out, 200, digits(served));
  else if (equals(route, literal("trap"))) __builtin_trap();
  else if (equals(route, literal("silent"))) drop_request(request);
  else if (equals(route, literal("fail"))) fail(out, (int32_t)number(rest));
  else if (equals(route, literal("spin"))) {
    for (;;) __asm__ volatile("");
  } else if (equals(route, literal("sleep"))) {
    sleep(number(rest) * MILLISECOND);
    respond(out, 200, literal("slept\n"));
  } else if (equals(route, literal("lines"))) {
    text count = cut(&rest, '/');
    stream_lines(out, number(count), number(rest));
  } else if (equals(route, literal("late-trap"))) {
    handle body, stream = begin(out, 200, new_fields(), &body);
    write_result result;
    blocking_write(stream, "begun\n", 6, &result);
    __builtin_trap();
  } else if (equals(route, literal("print"))) {
    print(get_stdout(), literal("to stdout\n"));
    print(get_stderr(), literal("to stderr\n"));
    respond(out, 200, literal("printed\n"));
  } else {
    respond(out, 200, literal("hello from wasm\n"));
  }
}
