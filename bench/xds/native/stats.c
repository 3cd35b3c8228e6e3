#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

enum { MOST = 1 << 22 };

static int64_t *samples;
static size_t count;

void sample(int64_t ns) {
  if (!samples) samples = malloc(MOST * sizeof *samples);
  if (count < MOST) samples[count++] = ns;
}

void samples_clear(void) { count = 0; }

static int by_value(const void *a, const void *b) {
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

static void print(const char *name, int64_t *values, size_t length) {
  if (length == 0) {
    printf("\"%s\":null,", name);
    return;
  }
  qsort(values, length, sizeof *values, by_value);
  printf("\"%s\":{\"count\":%zu,\"p50\":%" PRId64 ",\"p99\":%" PRId64 ",\"max\":%" PRId64 "},", name, length,
         values[length / 2], values[length * 99 / 100], values[length - 1]);
}

void print_samples(const char *name) { print(name, samples, count); }

void print_receipts(int64_t since) {
  int64_t *receipts = malloc((stream_count + 1) * sizeof *receipts);
  size_t length = 0;
  for (int each = 0; each < stream_count; each++) {
    if (streams[each]->receipt) receipts[length++] = streams[each]->receipt - since;
  }
  print("receipt", receipts, length);
  length = 0;
  for (int each = 0; each < stream_count; each++) {
    if (streams[each]->acknowledgement) receipts[length++] = streams[each]->acknowledgement - since;
  }
  print("ack", receipts, length);
  free(receipts);
}
