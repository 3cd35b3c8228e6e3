/*
 * The least that a server can do: it writes prebuilt responses into the sockets, and reads requests only as far as to
 * know whether one asks for a type or acknowledges. What others cost beyond it is what they do themselves.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "scan.h"

enum { CDS, EDS, LDS, RDS, TYPES };
enum { FIRST, OTHER, BACK, ONE, KINDS };

static const char *const urls[TYPES] = {"config.cluster.v3.", "config.endpoint.v3.", "config.listener.v3.", "config.route.v3."};

/* A response in DATA frames; `marker` is where it says what changed. */
typedef struct {
  Bytes frames;
  size_t marker;
} Message;

typedef struct {
  uint32_t id;
  bool opened;
  uint8_t has; /* types, as bits */
  Scan scan;
} Stream;

typedef struct Conn {
  int fd;
  size_t preface;
  FrameIn in;
  Bytes out;
  size_t written;
  uint32_t unacknowledged;
  Stream *streams;
  int count, room, at;
} Conn;

static Message messages[KINDS][TYPES];
static bool turned[TYPES];
static Conn **conns;
static int conn_count, conn_room, epoll, number;
static bool delta;
static uint64_t acknowledged;
static uint8_t buffer[256 * 1024];

static void frame(Message *message, const uint8_t *bytes, size_t length) {
  uint8_t head[5] = {0, length >> 24, length >> 16, length >> 8, length};
  Bytes whole = {0};
  bytes_add(&whole, head, sizeof head);
  bytes_add(&whole, bytes, length);
  for (size_t at = 0; at < whole.length; at += H2_FRAME_MAX) {
    size_t piece = whole.length - at < H2_FRAME_MAX ? whole.length - at : H2_FRAME_MAX;
    frame_head(&message->frames, piece, H2_DATA, 0, 0);
    bytes_add(&message->frames, whole.at + at, piece);
  }
  uint8_t *marker = memmem(message->frames.at, message->frames.length, "@t", 2);
  message->marker = marker ? (size_t)(marker - message->frames.at) : 0;
  bytes_free(&whole);
}

static void load(const char *name) {
  Bytes file = {0};
  FILE *from = fopen(name, "rb");
  if (!from) {
    perror(name);
    exit(2);
  }
  for (size_t count; (count = fread(buffer, 1, sizeof buffer, from)) > 0;) bytes_add(&file, buffer, count);
  fclose(from);
  for (size_t at = 0; at < file.length;) {
    uint32_t length = read32(file.at + at + 2);
    frame(&messages[file.at[at]][file.at[at + 1]], file.at + at + 6, length);
    at += 6 + length;
  }
  bytes_free(&file);
}

/* All frames are of one stream, whose number stands in their heads. */
static void address(Bytes *frames, uint32_t id) {
  for (size_t at = 0; at < frames->length;) {
    uint8_t *head = frames->at + at;
    uint32_t length = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    head[5] = id >> 24;
    head[6] = id >> 16;
    head[7] = id >> 8;
    head[8] = id;
    at += 9 + length;
  }
}

static void watch(Conn *conn, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = conn};
  epoll_ctl(epoll, operation, conn->fd, &event);
}

static void flush(Conn *conn) {
  while (conn->written < conn->out.length) {
    ssize_t wrote = send(conn->fd, conn->out.at + conn->written, conn->out.length - conn->written, MSG_NOSIGNAL);
    if (wrote < 0) {
      if (errno == EAGAIN) watch(conn, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      return;
    }
    conn->written += wrote;
  }
  conn->written = 0;
  bytes_free(&conn->out);
  watch(conn, EPOLLIN, EPOLL_CTL_MOD);
}

/* Written straight from the message where the socket takes all of it, else what is left is copied. */
static void put(Conn *conn, uint32_t id, Message *message) {
  address(&message->frames, id);
  size_t sent = 0;
  if (conn->out.length == 0) {
    ssize_t wrote = send(conn->fd, message->frames.at, message->frames.length, MSG_NOSIGNAL);
    if (wrote > 0) sent = wrote;
  }
  if (sent == message->frames.length) return;
  bytes_add(&conn->out, message->frames.at + sent, message->frames.length - sent);
  watch(conn, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

static void open_stream(Conn *conn, uint32_t id) {
  if (conn->count == conn->room) {
    conn->room = conn->room ? conn->room * 2 : 1;
    conn->streams = realloc(conn->streams, conn->room * sizeof *conn->streams);
  }
  conn->streams[conn->count++] = (Stream){.id = id};
  Bytes block = {0};
  uint8_t ok = 0x88; /* :status 200 of the static table */
  bytes_add(&block, &ok, 1);
  header_literal(&block, "content-type", "application/grpc");
  frame_head(&conn->out, block.length, H2_HEADERS, H2_END_HEADERS, id);
  bytes_add(&conn->out, block.at, block.length);
  bytes_free(&block);
}

static void requested(Conn *conn, Stream *stream) {
  if (stream->scan.kept[SCAN_NONCE]) {
    acknowledged++;
    return;
  }
  for (int type = 0; type < TYPES; type++) {
    if (!strstr(stream->scan.text[SCAN_TYPE], urls[type])) continue;
    stream->has |= 1 << type;
    put(conn, stream->id, &messages[FIRST][type]);
  }
}

static Stream *stream_of(Conn *conn, uint32_t id) {
  if (conn->count == 1) return conn->streams[0].id == id ? conn->streams : NULL;
  uint32_t at = (id - 1) / 2;
  return at < (uint32_t)conn->count ? conn->streams + at : NULL;
}

static void take(Conn *conn, Stream *stream, const uint8_t *bytes, size_t count) {
  ScanFields fields = delta ? (ScanFields){{0, 2, 6}} : (ScanFields){{1, 4, 5}};
  while (count > 0) {
    bool whole;
    size_t used = scan_feed(&stream->scan, &fields, bytes, count, &whole);
    if (whole) requested(conn, stream);
    bytes += used;
    count -= used;
  }
}

static void control(Conn *conn) {
  if (conn->in.type == H2_SETTINGS && !(conn->in.flags & H2_ACK)) {
    frame_head(&conn->out, 0, H2_SETTINGS, H2_ACK, 0);
  } else if (conn->in.type == H2_PING && !(conn->in.flags & H2_ACK)) {
    frame_head(&conn->out, 8, H2_PING, H2_ACK, 0);
    bytes_add(&conn->out, conn->in.small, 8);
  } else if (conn->in.type == H2_HEADERS) {
    open_stream(conn, conn->in.stream);
  }
}

static void leave(Conn *conn) {
  epoll_ctl(epoll, EPOLL_CTL_DEL, conn->fd, NULL);
  close(conn->fd);
  conns[conn->at] = conns[--conn_count];
  conns[conn->at]->at = conn->at;
  bytes_free(&conn->out);
  free(conn->streams);
  free(conn);
}

static void readable(Conn *conn) {
  ssize_t count = recv(conn->fd, buffer, sizeof buffer, 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    leave(conn);
    return;
  }
  size_t at = 0;
  size_t preface = sizeof H2_PREFACE - 1;
  if (conn->preface < preface) {
    at = (size_t)count < preface - conn->preface ? (size_t)count : preface - conn->preface;
    conn->preface += at;
  }
  while (at < (size_t)count) {
    const uint8_t *payload;
    size_t length;
    bool whole;
    at += frame_read(&conn->in, buffer + at, count - at, &payload, &length, &whole);
    if (length > 0) {
      Stream *stream = stream_of(conn, conn->in.stream);
      conn->unacknowledged += length;
      if (conn->unacknowledged > 16384) {
        frame_window(&conn->out, 0, conn->unacknowledged);
        frame_window(&conn->out, conn->in.stream, conn->unacknowledged);
        conn->unacknowledged = 0;
      }
      if (stream) take(conn, stream, payload, length);
    }
    if (whole && conn->in.type != H2_DATA) control(conn);
  }
  if (conn->out.length > 0) flush(conn);
}

static void accept_all(int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Conn *conn = calloc(1, sizeof *conn);
    conn->fd = fd;
    if (conn_count == conn_room) conns = realloc(conns, (conn_room = conn_room ? conn_room * 2 : 64) * sizeof *conns);
    conn->at = conn_count;
    conns[conn_count++] = conn;
    /* Streams may send as much as they like before they are answered. */
    frame_settings(&conn->out, 4, H2_WINDOW_WIDE);
    frame_window(&conn->out, 0, H2_WINDOW_WIDE - H2_WINDOW_DEFAULT);
    watch(conn, EPOLLIN, EPOLL_CTL_ADD);
    flush(conn);
  }
}

static void push(int kind, int type, int64_t time) {
  Message *message = &messages[kind][type];
  number++;
  if (message->marker) {
    char text[32];
    snprintf(text, sizeof text, "%019" PRId64 ".%07d", time, number);
    memcpy(message->frames.at + message->marker + 2, text, 27);
  }
  for (int at = 0; at < conn_count; at++) {
    for (int each = 0; each < conns[at]->count; each++) {
      Stream *stream = &conns[at]->streams[each];
      if (stream->has & 1 << type) put(conns[at], stream->id, message);
    }
  }
}

static void turn(int type, int64_t time) {
  turned[type] = !turned[type];
  push(turned[type] ? OTHER : BACK, type, time);
}

static void change(const char *kind, int64_t time) {
  if (strcmp(kind, "endpoint") == 0) push(ONE, EDS, time);
  else turn(strcmp(kind, "clusters") == 0 ? CDS : RDS, time);
}

static int resident(void) {
  int pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file && fscanf(file, "%*d %d", &pages) != 1) pages = 0;
  if (file) fclose(file);
  return pages * 4096;
}

/* `stream`: so many changes with so many milliseconds between them, or as many as can be made in that time. */
static int left_to_push;
static int64_t every, due, until;
static int pushed;

static void tick(void) {
  while (left_to_push > 0 && now_ns() >= due) {
    push(ONE, EDS, now_ns());
    pushed++;
    due += every;
    if (now_ns() >= until) left_to_push = 1;
    if (--left_to_push == 0) printf("streamed %d\n", pushed);
  }
}

static void obey(char *line) {
  char word[4][64] = {{0}};
  sscanf(line, "%63s %63s %63s %63s", word[0], word[1], word[2], word[3]);
  if (strcmp(word[0], "change") == 0) {
    int64_t time = now_ns();
    change(word[1], time);
    printf("changed %" PRId64 " %" PRId64 "\n", time, now_ns());
  } else if (strcmp(word[0], "stream") == 0) {
    every = atoll(word[1]) * 1000000;
    left_to_push = atoi(word[2]);
    due = now_ns();
    until = due + every * left_to_push;
    pushed = 0;
  } else if (strcmp(word[0], "rss") == 0 || strcmp(word[0], "gc") == 0) printf("%s %d\n", word[0], resident());
  else if (strcmp(word[0], "nodes") == 0) puts("nodes");
  else if (strcmp(word[0], "lag") == 0) puts("lag");
  else if (strcmp(word[0], "status") == 0) printf("status {\"acknowledged\":%" PRIu64 "}\n", acknowledged);
  else if (strcmp(word[0], "quit") == 0) exit(0);
  else puts("unknown");
}

static void commands(void) {
  static char text[4096];
  static size_t length;
  ssize_t count = read(STDIN_FILENO, text + length, sizeof text - 1 - length);
  if (count == 0 || (count < 0 && errno != EAGAIN)) exit(0);
  if (count > 0) length += count;
  for (char *end; (end = memchr(text, '\n', length));) {
    *end = 0;
    obey(text);
    length -= end + 1 - text;
    memmove(text, end + 1, length);
  }
}

int main(int argc, char **argv) {
  for (int at = 1; at + 1 < argc; at += 2) {
    if (strcmp(argv[at], "--messages") == 0) load(argv[at + 1]);
    if (strcmp(argv[at], "--variant") == 0) delta = strcmp(argv[at + 1], "delta") == 0;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof own;
  if (bind(listener, (struct sockaddr *)&own, size) < 0 || listen(listener, 4096) < 0) {
    perror("listen");
    return 3;
  }
  getsockname(listener, (struct sockaddr *)&own, &size);
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  static char input, door;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &input};
  epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  event.data.ptr = &door;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  printf("ready %d\n", ntohs(own.sin_port));
  for (;;) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll, events, 512, left_to_push > 0 ? 1 : -1);
    bool asked = false;
    for (int at = 0; at < count; at++) {
      void *whose = events[at].data.ptr;
      if (whose == &input) asked = true;
      else if (whose == &door) accept_all(listener);
      else {
        if (events[at].events & EPOLLOUT) flush(whose);
        if (events[at].events & ~EPOLLOUT) readable(whose);
      }
    }
    tick();
    if (asked) commands();
  }
}
