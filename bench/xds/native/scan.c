#include "scan.h"

#include <string.h>

enum { TAG, LENGTH, NUMBER, SKIP };

static void begin(Scan *scan) {
  scan->length = scan->left = read32(scan->head + 1);
  scan->state = TAG;
  scan->shift = 0;
  scan->value = 0;
  scan->broken = false;
  memset(scan->count, 0, sizeof scan->count);
  memset(scan->kept, 0, sizeof scan->kept);
}

/* A varint has ended. */
static void value(Scan *scan, const ScanFields *fields) {
  uint64_t value = scan->value;
  scan->value = 0;
  scan->shift = 0;
  if (scan->state == NUMBER) {
    scan->state = TAG;
  } else if (scan->state == LENGTH) {
    scan->skip = value;
    scan->state = value ? SKIP : TAG;
  } else {
    scan->field = value >> 3;
    if (scan->field < 8) scan->count[scan->field]++;
    scan->keeping = -1;
    for (int kept = 0; kept < SCAN_KEPT; kept++) {
      if (fields->number[kept] != scan->field) continue;
      scan->keeping = kept;
      scan->kept[kept] = 0;
    }
    int wire = value & 7;
    scan->state = wire == 0 ? NUMBER : wire == 2 ? LENGTH : SKIP;
    scan->skip = wire == 1 ? 8 : 4;
    if (wire == 3 || wire == 4 || wire > 5) scan->broken = true;
  }
}

static void keep(Scan *scan, const uint8_t *bytes, size_t count) {
  uint8_t *kept = &scan->kept[scan->keeping];
  for (size_t at = 0; at < count && *kept < SCAN_TEXT - 1; at++) scan->text[scan->keeping][(*kept)++] = bytes[at];
}

size_t scan_feed(Scan *scan, const ScanFields *fields, const uint8_t *bytes, size_t count, bool *whole) {
  size_t used = 0;
  *whole = false;
  while (scan->have < 5) {
    if (used == count) return used;
    scan->head[scan->have++] = bytes[used++];
    if (scan->have == 5) begin(scan);
  }
  while (scan->left > 0 && used < count) {
    if (scan->broken || scan->state == SKIP) {
      size_t piece = count - used < scan->left ? count - used : scan->left;
      if (!scan->broken && piece > scan->skip) piece = scan->skip;
      if (!scan->broken && scan->keeping >= 0) keep(scan, bytes + used, piece);
      used += piece;
      scan->left -= piece;
      scan->skip -= piece;
      if (scan->skip == 0) scan->state = TAG;
      continue;
    }
    uint8_t byte = bytes[used++];
    scan->left--;
    scan->value |= (uint64_t)(byte & 127) << scan->shift;
    scan->shift += 7;
    if (byte < 128) value(scan, fields);
    else if (scan->shift > 63) scan->broken = true;
  }
  if (scan->left == 0) {
    *whole = true;
    scan->have = 0;
    for (int kept = 0; kept < SCAN_KEPT; kept++) scan->text[kept][scan->kept[kept]] = 0;
  }
  return used;
}
