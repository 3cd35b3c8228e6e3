/* Reads messages of a gRPC stream as they come, without keeping them: counts fields and keeps three short ones. */
#ifndef SCAN_H
#define SCAN_H

#include "h2.h"

enum { SCAN_VERSION, SCAN_TYPE, SCAN_NONCE, SCAN_KEPT, SCAN_TEXT = 120 };

/* Field numbers of what is kept; the third is a nonce. */
typedef struct {
  uint32_t number[SCAN_KEPT];
} ScanFields;

typedef struct {
  uint8_t head[5], have;
  uint32_t length, left; /* of the message */
  uint8_t state, shift;
  int8_t keeping; /* index into `text` of the field that is being read; -1: passed over */
  uint32_t field;
  uint64_t value, skip;
  uint32_t count[8];  /* of fields with these numbers */
  uint8_t kept[SCAN_KEPT];
  char text[SCAN_KEPT][SCAN_TEXT];
  bool broken; /* this is no protobuf */
} Scan;

/* Reads on, up to the end of one message. @returns what was used; `*whole` is true at the end of a message. */
size_t scan_feed(Scan *scan, const ScanFields *fields, const uint8_t *bytes, size_t count, bool *whole);

#endif
