#define _GNU_SOURCE
#include "h2.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void bytes_room(Bytes *bytes, size_t more) {
  if (bytes->length + more <= bytes->room) return;
  size_t room = bytes->room ? bytes->room : 256;
  while (room < bytes->length + more) room *= 2;
  bytes->at = realloc(bytes->at, room);
  if (!bytes->at) abort();
  bytes->room = room;
}

void bytes_add(Bytes *bytes, const void *from, size_t length) {
  if (length == 0) return;
  bytes_room(bytes, length);
  memcpy(bytes->at + bytes->length, from, length);
  bytes->length += length;
}

void bytes_free(Bytes *bytes) {
  free(bytes->at);
  *bytes = (Bytes){0};
}

static void put32(uint8_t *at, uint32_t value) {
  at[0] = value >> 24;
  at[1] = value >> 16;
  at[2] = value >> 8;
  at[3] = value;
}

uint32_t read32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void frame_head(Bytes *out, uint32_t length, uint8_t type, uint8_t flags, uint32_t stream) {
  uint8_t head[9] = {length >> 16, length >> 8, length, type, flags};
  put32(head + 5, stream);
  bytes_add(out, head, sizeof head);
}

void frame_window(Bytes *out, uint32_t stream, uint32_t more) {
  uint8_t payload[4];
  put32(payload, more);
  frame_head(out, sizeof payload, H2_WINDOW, 0, stream);
  bytes_add(out, payload, sizeof payload);
}

void frame_settings(Bytes *out, uint16_t id, uint32_t value) {
  uint8_t payload[6] = {id >> 8, id};
  put32(payload + 2, value);
  frame_head(out, sizeof payload, H2_SETTINGS, 0, 0);
  bytes_add(out, payload, sizeof payload);
}

static void header_text(Bytes *out, const char *text) {
  size_t length = strlen(text);
  uint8_t head[3] = {length, 0, 0};
  size_t used = 1;
  if (length >= 127) {
    size_t rest = length - 127;
    head[0] = 127;
    if (rest >= 128) abort();
    head[1] = rest;
    used = 2;
  }
  bytes_add(out, head, used);
  bytes_add(out, text, length);
}

void header_literal(Bytes *out, const char *name, const char *value) {
  uint8_t never_indexed_new_name = 0x10;
  bytes_add(out, &never_indexed_new_name, 1);
  header_text(out, name);
  header_text(out, value);
}

void proto_varint(Bytes *out, uint64_t value) {
  uint8_t bytes[10];
  size_t length = 0;
  do {
    bytes[length] = (value & 127) | (value > 127 ? 128 : 0);
    value >>= 7;
    length++;
  } while (value);
  bytes_add(out, bytes, length);
}

void proto_bytes(Bytes *out, uint32_t field, const void *from, size_t length) {
  proto_varint(out, field << 3 | 2);
  proto_varint(out, length);
  bytes_add(out, from, length);
}

void proto_text(Bytes *out, uint32_t field, const char *text) { proto_bytes(out, field, text, strlen(text)); }

static bool varint(Proto *proto, uint64_t *value) {
  *value = 0;
  for (int shift = 0; shift < 64 && proto->at < proto->end; shift += 7) {
    uint8_t byte = *proto->at++;
    *value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

bool proto_next(Proto *proto) {
  uint64_t tag;
  if (proto->at >= proto->end || !varint(proto, &tag)) return false;
  proto->field = tag >> 3;
  proto->wire = tag & 7;
  uint64_t length = 0;
  if (proto->wire == 0) return varint(proto, &proto->number);
  if (proto->wire == 1) length = 8;
  else if (proto->wire == 5) length = 4;
  else if (proto->wire != 2 || !varint(proto, &length)) return false;
  if (length > (uint64_t)(proto->end - proto->at)) return false;
  proto->bytes = proto->at;
  proto->length = length;
  proto->at += length;
  return true;
}

int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int64_t cpu_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

size_t frame_read(FrameIn *in, const uint8_t *bytes, size_t count, const uint8_t **payload, size_t *length,
                  bool *whole) {
  size_t used = 0;
  *length = 0;
  *whole = false;
  if (in->have < 9) {
    used = count < (size_t)(9 - in->have) ? count : (size_t)(9 - in->have);
    memcpy(in->head + in->have, bytes, used);
    in->have += used;
    if (in->have < 9) return used;
    in->length = in->left = (uint32_t)in->head[0] << 16 | (uint32_t)in->head[1] << 8 | in->head[2];
    in->type = in->head[3];
    in->flags = in->head[4];
    in->stream = read32(in->head + 5) & 0x7fffffff;
    in->kept = 0;
  }
  size_t piece = count - used < in->left ? count - used : in->left;
  if (in->type == H2_DATA) {
    *payload = bytes + used;
    *length = piece;
  } else if (in->kept < sizeof in->small) {
    size_t keep = sizeof in->small - in->kept < piece ? sizeof in->small - in->kept : piece;
    memcpy(in->small + in->kept, bytes + used, keep);
    in->kept += keep;
  }
  in->left -= piece;
  if (in->left == 0) {
    *whole = true;
    in->have = 0;
  }
  return used + piece;
}
