#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client.h"

Config config = {.per_connection = 1, .want = 15, .route = "edge"};
Tally tally;
Mode mode = {.learn = true, .armed = -1};
Stream **streams;
int stream_count, stream_room;

/* The one thing that is waited for. */
static struct {
  enum { NOTHING, READY, RECEIVED, ACKNOWLEDGED, QUIET } what;
  int64_t count, until;
} waiting;

static char line[4096];
static size_t line_length;

static void answer(const char *text) {
  puts(text);
  fflush(stdout);
}

static int type_named(const char *name) {
  const char *const types[] = {"cds", "eds", "lds", "rds"};
  for (int type = 0; type < TYPES; type++) {
    if (strcmp(name, types[type]) == 0) return type;
  }
  return -1;
}

static int64_t progress(void) {
  switch (waiting.what) {
    case READY: return tally.ready;
    case RECEIVED: return tally.received;
    case ACKNOWLEDGED: return tally.acknowledged;
    default: return 0;
  }
}

static void check_waiting(void) {
  if (waiting.what == NOTHING) return;
  int64_t now = now_ns();
  bool quiet = waiting.what == QUIET && now - tally.last_traffic >= waiting.count;
  bool reached = waiting.what != QUIET && progress() >= waiting.count;
  if (!quiet && !reached && now < waiting.until) return;
  printf("{\"reached\":%s,\"have\":%" PRId64 ",\"now\":%" PRId64 "}\n", quiet || reached ? "true" : "false", progress(), now);
  fflush(stdout);
  waiting.what = NOTHING;
}

static void start_waiting(const char *what, int64_t count, int64_t milliseconds) {
  const char *const names[] = {"", "ready", "received", "acked", "quiet"};
  for (int each = 1; each < 5; each++) {
    if (strcmp(what, names[each]) == 0) waiting.what = each;
  }
  waiting.count = waiting.what == QUIET ? count * 1000000 : count;
  waiting.until = now_ns() + milliseconds * 1000000;
  check_waiting();
}

static void open_proxies(int count) {
  int first = stream_count ? streams[stream_count - 1]->client + 1 : 0;
  for (int each = first; each < first + count; each++) {
    Conn *conn = each % config.per_connection == 0 || conn_count == 0 ? conn_open() : conns[conn_count - 1];
    proxy_start(conn, each);
    conn_flush(conn);
  }
}

static void arm(int type) {
  mode.armed = type;
  int streams_before = tally.streams, ready = tally.ready, ended = tally.ended, failed = tally.failed;
  int64_t last = tally.last_ready;
  tally = (Tally){.streams = streams_before, .ready = ready, .ended = ended, .failed = failed, .last_ready = last};
  tally.last_traffic = now_ns();
  for (int each = 0; each < stream_count; each++) {
    streams[each]->receipt = streams[each]->acknowledgement = 0;
    streams[each]->messages = 0;
  }
  samples_clear();
  printf("{\"now\":%" PRId64 ",\"cpu\":%" PRId64 "}\n", now_ns(), cpu_ns());
  fflush(stdout);
}

static void print_counts(const char *name, const uint64_t *counts) {
  printf("\"%s\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "],", name, counts[0], counts[1], counts[2], counts[3]);
}

static void report(int64_t since) {
  printf("{\"streams\":%d,\"ready\":%d,\"received\":%d,\"acknowledged\":%d,\"ended\":%d,\"failed\":%d,", tally.streams,
         tally.ready, tally.received, tally.acknowledged, tally.ended, tally.failed);
  printf("\"wire\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"rejected\":%" PRIu64 ",", tally.wire, tally.requests, tally.rejected);
  print_counts("messages", tally.messages);
  print_counts("resources", tally.resources);
  print_counts("removed", tally.removed);
  print_counts("payload", tally.payload);
  uint32_t least = UINT32_MAX, most = 0;
  for (int each = 0; each < stream_count; each++) {
    if (streams[each]->messages < least) least = streams[each]->messages;
    if (streams[each]->messages > most) most = streams[each]->messages;
  }
  printf("\"least\":%u,\"most\":%u,", stream_count ? least : 0, most);
  print_receipts(since);
  print_samples("staleness");
  printf("\"lastReady\":%" PRId64 ",\"lastReceipt\":%" PRId64 ",\"lastAck\":%" PRId64 ",\"lastTraffic\":%" PRId64 ",",
         tally.last_ready, tally.last_receipt, tally.last_acknowledgement, tally.last_traffic);
  printf("\"cpu\":%" PRId64 ",\"now\":%" PRId64 "}\n", cpu_ns(), now_ns());
  fflush(stdout);
}

static void stall(int each, bool stalled) {
  for (int at = 0; at < conn_count; at++) {
    if (each > 0 && at % each == 0) conn_stall(conns[at], stalled);
  }
  answer("{}");
}

static void acknowledge_again(int times) {
  for (int time = 0; time < times; time++) {
    for (int each = 0; each < stream_count; each++) ads_again(streams[each]);
    for (int each = 0; each < conn_count; each++) conn_flush(conns[each]);
  }
  answer("{}");
}

static void obey(char *text) {
  char word[4][128] = {{0}};
  sscanf(text, "%127s %127s %127s %127s", word[0], word[1], word[2], word[3]);
  const char *what = word[0];
  if (strcmp(what, "connect") == 0) {
    open_proxies(atoi(word[1]));
    printf("{\"now\":%" PRId64 "}\n", now_ns());
    fflush(stdout);
  } else if (strcmp(what, "wait") == 0) start_waiting(word[1], atoll(word[2]), atoll(word[3]));
  else if (strcmp(what, "arm") == 0) arm(type_named(word[1]));
  else if (strcmp(what, "report") == 0) report(atoll(word[1]));
  else if (strcmp(what, "learn") == 0) mode.learn = strcmp(word[1], "on") == 0, answer("{}");
  else if (strcmp(what, "remember") == 0) {
    mode.remember = strcmp(word[1], "on") == 0;
    if (mode.remember) ads_forget();
    answer("{}");
  } else if (strcmp(what, "resume") == 0) mode.resume = strcmp(word[1], "on") == 0, answer("{}");
  else if (strcmp(what, "markers") == 0) mode.markers = strcmp(word[1], "on") == 0, answer("{}");
  else if (strcmp(what, "reject") == 0) {
    snprintf(mode.reject, sizeof mode.reject, "%s", word[1]);
    mode.reject_each = atoi(word[2]);
    answer("{}");
  } else if (strcmp(what, "stall") == 0) stall(atoi(word[1]), true);
  else if (strcmp(what, "unstall") == 0) stall(atoi(word[1]), false);
  else if (strcmp(what, "again") == 0) acknowledge_again(atoi(word[1]));
  else if (strcmp(what, "close") == 0) {
    conns_close();
    tally = (Tally){0};
    answer("{}");
  } else if (strcmp(what, "quit") == 0) exit(0);
  else answer("{\"error\":\"unknown command\"}");
}

static void commands(void) {
  ssize_t count = read(STDIN_FILENO, line + line_length, sizeof line - 1 - line_length);
  if (count == 0 || (count < 0 && errno != EAGAIN)) exit(0);
  if (count > 0) line_length += count;
  for (char *end; (end = memchr(line, '\n', line_length));) {
    *end = 0;
    obey(line);
    line_length -= end + 1 - line;
    memmove(line, end + 1, line_length);
  }
}

static void read_file(const char *name, Bytes *into) {
  FILE *file = fopen(name, "rb");
  if (!file) {
    perror(name);
    exit(2);
  }
  uint8_t piece[65536];
  for (size_t count; (count = fread(piece, 1, sizeof piece, file)) > 0;) bytes_add(into, piece, count);
  fclose(file);
}

static void settle(char *name, char *value) {
  if (strcmp(name, "--port") == 0) config.port = atoi(value);
  else if (strcmp(name, "--variant") == 0) config.delta = strcmp(value, "delta") == 0;
  else if (strcmp(name, "--streams") == 0) config.per_type = strcmp(value, "per-type") == 0;
  else if (strcmp(name, "--per-connection") == 0) config.per_connection = atoi(value);
  else if (strcmp(name, "--node") == 0) read_file(value, &config.node);
  else if (strcmp(name, "--route") == 0) config.route = value;
  else if (strcmp(name, "--sets") == 0) sscanf(value, "%d,%d", &config.set_size, &config.set_of);
  else if (strcmp(name, "--want") == 0) {
    config.want = 0;
    for (char *each = strtok(value, ","); each; each = strtok(NULL, ",")) {
      if (type_named(each) >= 0) config.want |= 1 << type_named(each);
    }
  } else {
    fprintf(stderr, "there is no option %s\n", name);
    exit(2);
  }
}

int main(int argc, char **argv) {
  for (int at = 1; at + 1 < argc; at += 2) settle(argv[at], argv[at + 1]);
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  session_begin(epoll);
  struct epoll_event own = {.events = EPOLLIN};
  epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &own);
  struct epoll_event events[512];
  for (;;) {
    int count = epoll_wait(epoll, events, 512, waiting.what == NOTHING ? -1 : 5);
    bool asked = false;
    for (int at = 0; at < count; at++) {
      Conn *conn = events[at].data.ptr;
      if (!conn) {
        asked = true;
        continue;
      }
      if (events[at].events & EPOLLOUT) conn_writable(conn);
      if (events[at].events & ~EPOLLOUT) conn_readable(conn);
    }
    check_waiting();
    if (asked) commands();
  }
}
