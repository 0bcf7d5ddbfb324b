// The imports of world.wit by the canonical ABI, under short names. Results that do not fit in one value are
// written to the last parameter.
// https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int32_t handle;
typedef struct {
  const char *data;
  size_t size;
} text;

#define IMPORT(from, name) __attribute__((import_module("wasi:" from "@0.2.3"), import_name(name)))
#define TYPES(name)        IMPORT("http/types", name)
#define STREAMS(name)      IMPORT("io/streams", name)

typedef struct {
  uint8_t failed;
  handle value;
} handle_result;
typedef struct {
  uint8_t some;
  text value;
} optional_text;
typedef struct {
  uint8_t kind;
  text other;
} variant_text;
// A variant without payload as the error.
typedef struct {
  uint8_t failed, error;
} empty_result;
typedef struct {
  uint8_t failed;
  union {
    text data;
    struct {
      uint8_t closed;
      handle error;
    };
  };
} read_result;
typedef struct {
  uint8_t failed;
  uint8_t closed;
  handle error;
} write_result;
typedef struct {
  uint8_t failed;
  union {
    uint64_t count;
    struct {
      uint8_t closed;
      handle error;
    };
  };
} count_result;
typedef struct {
  _Alignas(8) uint8_t kind;
  _Alignas(8) uint8_t payload[24];
} error_code;
typedef struct {
  uint8_t failed;
  union {
    handle value;
    error_code error;
  };
} code_result;
typedef struct {
  uint8_t some;
  struct {
    uint8_t failed;
    code_result result;
  } value;
} future_result;
typedef struct {
  uint8_t some;
  struct {
    uint8_t failed;
    struct {
      uint8_t failed;
      union {
        struct {
          uint8_t some;
          handle value;
        } trailers;
        error_code error;
      };
    } result;
  } value;
} trailers_result;
typedef struct {
  text name, value;
} field;
typedef struct {
  field *data;
  size_t size;
} field_list;
typedef struct {
  text *data;
  size_t size;
} text_list;

IMPORT("cli/environment", "get-environment") void get_environment(field_list *);
IMPORT("cli/stdout", "get-stdout") handle get_stdout(void);
IMPORT("cli/stderr", "get-stderr") handle get_stderr(void);
IMPORT("clocks/monotonic-clock", "now") uint64_t now(void);
IMPORT("clocks/monotonic-clock", "subscribe-duration") handle subscribe_duration(uint64_t);
IMPORT("io/poll", "[method]pollable.ready") bool pollable_ready(handle);
IMPORT("io/poll", "[method]pollable.block") void pollable_block(handle);
IMPORT("io/poll", "poll") void poll(const handle *, size_t, text *);
IMPORT("io/poll", "[resource-drop]pollable") void drop_pollable(handle);
IMPORT("io/error", "[resource-drop]error") void drop_error(handle);
IMPORT("io/error", "[method]error.to-debug-string") void error_text(handle, text *);

STREAMS("[method]input-stream.read") void stream_read(handle, uint64_t, read_result *);
STREAMS("[method]input-stream.blocking-read") void blocking_read(handle, uint64_t, read_result *);
STREAMS("[method]input-stream.subscribe") handle input_subscribe(handle);
STREAMS("[resource-drop]input-stream") void drop_input(handle);
STREAMS("[method]output-stream.check-write") void check_write(handle, count_result *);
STREAMS("[method]output-stream.write") void stream_write(handle, const char *, size_t, write_result *);
STREAMS("[method]output-stream.flush") void stream_flush(handle, write_result *);
STREAMS("[method]output-stream.blocking-flush") void blocking_flush(handle, write_result *);
STREAMS("[method]output-stream.blocking-write-and-flush")
void blocking_write(handle, const char *, size_t, write_result *);
STREAMS("[method]output-stream.blocking-splice")
void blocking_splice(handle, handle, uint64_t, count_result *);
STREAMS("[method]output-stream.subscribe") handle output_subscribe(handle);
STREAMS("[resource-drop]output-stream") void drop_output(handle);

TYPES("[constructor]fields") handle new_fields(void);
TYPES("[method]fields.append")
void fields_append(handle, const char *, size_t, const char *, size_t, empty_result *);
TYPES("[method]fields.set")
void fields_set(handle, const char *, size_t, const text *, size_t, empty_result *);
TYPES("[method]fields.delete") void fields_delete(handle, const char *, size_t, empty_result *);
TYPES("[method]fields.get") void fields_get(handle, const char *, size_t, text_list *);
TYPES("[method]fields.has") bool fields_has(handle, const char *, size_t);
TYPES("[method]fields.entries") void fields_entries(handle, field_list *);
TYPES("[method]fields.clone") handle fields_clone(handle);
TYPES("[resource-drop]fields") void drop_fields(handle);
TYPES("[method]incoming-request.method") void request_method(handle, variant_text *);
TYPES("[method]incoming-request.path-with-query") void request_path(handle, optional_text *);
TYPES("[method]incoming-request.authority") void request_authority(handle, optional_text *);
TYPES("[method]incoming-request.headers") handle request_headers(handle);
TYPES("[method]incoming-request.consume") void request_consume(handle, handle_result *);
TYPES("[resource-drop]incoming-request") void drop_request(handle);
TYPES("[method]incoming-body.stream") void body_stream(handle, handle_result *);
TYPES("[static]incoming-body.finish") handle body_finish(handle);
TYPES("[resource-drop]incoming-body") void drop_incoming_body(handle);
TYPES("[method]future-trailers.subscribe") handle trailers_subscribe(handle);
TYPES("[method]future-trailers.get") void trailers_get(handle, trailers_result *);
TYPES("[resource-drop]future-trailers") void drop_trailers(handle);
TYPES("[constructor]outgoing-response") handle new_response(handle);
TYPES("[method]outgoing-response.set-status-code") bool response_set_status(handle, int32_t);
TYPES("[method]outgoing-response.body") void response_body(handle, handle_result *);
TYPES("[method]outgoing-response.headers") handle response_headers(handle);
TYPES("[method]outgoing-body.write") void body_write(handle, handle_result *);
TYPES("[static]outgoing-body.finish") void outgoing_finish(handle, int32_t, handle, code_result *);
TYPES("[resource-drop]outgoing-body") void drop_outgoing_body(handle);
// The response, or a variant's number and its payload.
TYPES("[static]response-outparam.set")
void outparam_set(handle, int32_t, handle, int32_t, int64_t, int32_t, int32_t, int32_t, int32_t);
TYPES("[constructor]outgoing-request") handle new_request(handle);
TYPES("[method]outgoing-request.set-method") bool set_method(handle, int32_t, const char *, size_t);
TYPES("[method]outgoing-request.set-path-with-query")
bool set_path(handle, int32_t, const char *, size_t);
TYPES("[method]outgoing-request.set-scheme")
bool set_scheme(handle, int32_t, int32_t, const char *, size_t);
TYPES("[method]outgoing-request.set-authority")
bool set_authority(handle, int32_t, const char *, size_t);
TYPES("[method]outgoing-request.body") void outgoing_request_body(handle, handle_result *);
TYPES("[constructor]request-options") handle new_options(void);
TYPES("[method]request-options.set-connect-timeout") bool set_connect_timeout(handle, int32_t, int64_t);
TYPES("[method]request-options.set-first-byte-timeout")
bool set_first_byte_timeout(handle, int32_t, int64_t);
TYPES("[method]request-options.set-between-bytes-timeout")
bool set_between_bytes_timeout(handle, int32_t, int64_t);
IMPORT("http/outgoing-handler", "handle") void send_request(handle, int32_t, handle, code_result *);
TYPES("[method]future-incoming-response.subscribe") handle future_subscribe(handle);
TYPES("[method]future-incoming-response.get") void future_get(handle, future_result *);
TYPES("[resource-drop]future-incoming-response") void drop_future(handle);
TYPES("[method]incoming-response.status") int32_t response_status(handle);
TYPES("[method]incoming-response.headers") handle incoming_response_headers(handle);
TYPES("[method]incoming-response.consume") void response_consume(handle, handle_result *);
TYPES("[resource-drop]incoming-response") void drop_response(handle);
