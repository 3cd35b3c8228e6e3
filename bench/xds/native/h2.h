/* What the load client and the floor know of HTTP/2, gRPC and protobuf: enough to write and read frames, no more. */
#ifndef H2_H
#define H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { H2_DATA = 0, H2_HEADERS = 1, H2_RST = 3, H2_SETTINGS = 4, H2_PING = 6, H2_GOAWAY = 7, H2_WINDOW = 8 };
enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4, H2_PADDED = 8 };
enum { H2_FRAME_MAX = 16384, H2_WINDOW_DEFAULT = 65535, H2_WINDOW_WIDE = 256 * 1024 * 1024 };

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* Bytes that grow. */
typedef struct {
  uint8_t *at;
  size_t length, room;
} Bytes;

void bytes_room(Bytes *bytes, size_t more);
void bytes_add(Bytes *bytes, const void *from, size_t length);
void bytes_free(Bytes *bytes);

void frame_head(Bytes *out, uint32_t length, uint8_t type, uint8_t flags, uint32_t stream);
void frame_window(Bytes *out, uint32_t stream, uint32_t more);
/* One setting; a frame without any acknowledges those of the other side. */
void frame_settings(Bytes *out, uint16_t id, uint32_t value);

/* A header without any table: whoever reads it keeps nothing of it. */
void header_literal(Bytes *out, const char *name, const char *value);

void proto_varint(Bytes *out, uint64_t value);
void proto_bytes(Bytes *out, uint32_t field, const void *from, size_t length);
void proto_text(Bytes *out, uint32_t field, const char *text);

/* A cursor over the fields of a message. `proto_next` is false at its end, or where it is no message. */
typedef struct {
  const uint8_t *at, *end;
  uint32_t field, wire;
  uint64_t number;      /* of a varint */
  const uint8_t *bytes; /* of a delimited one */
  size_t length;
} Proto;

bool proto_next(Proto *proto);

int64_t now_ns(void);
/* Processor time of this process. */
int64_t cpu_ns(void);

/* The frame that is being read from a connection. */
typedef struct {
  uint8_t head[9];
  uint8_t have; /* bytes of `head` */
  uint8_t type, flags;
  uint32_t stream, length, left;
  uint8_t small[64]; /* start of the payload of all but DATA */
  uint8_t kept;
} FrameIn;

/*
 * Reads on through `bytes`. @returns what was used. `*payload` and `*length` are a piece of a DATA frame, empty else;
 * `*whole` is true when the frame has ended.
 */
size_t frame_read(FrameIn *in, const uint8_t *bytes, size_t count, const uint8_t **payload, size_t *length, bool *whole);

uint32_t read32(const uint8_t *at);

#endif
