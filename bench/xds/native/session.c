#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

Conn **conns;
int conn_count;
static int conn_room, epoll;
static uint8_t buffer[256 * 1024];

static const ScanFields response = {{1, 4, 5}};
static const char *const names[TYPES + 1][3] = {
    {"cluster.v3.ClusterDiscoveryService", "StreamClusters", "DeltaClusters"},
    {"endpoint.v3.EndpointDiscoveryService", "StreamEndpoints", "DeltaEndpoints"},
    {"listener.v3.ListenerDiscoveryService", "StreamListeners", "DeltaListeners"},
    {"route.v3.RouteDiscoveryService", "StreamRoutes", "DeltaRoutes"},
    {"discovery.v3.AggregatedDiscoveryService", "StreamAggregatedResources", "DeltaAggregatedResources"},
};

void session_begin(int fd) { epoll = fd; }

static void watch(Conn *conn, int operation) {
  struct epoll_event event = {.data.ptr = conn};
  if (!conn->stalled) event.events |= EPOLLIN;
  if (conn->wants_write || !conn->up) event.events |= EPOLLOUT;
  epoll_ctl(epoll, operation, conn->fd, &event);
}

Conn *conn_open(void) {
  Conn *conn = calloc(1, sizeof *conn);
  conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (conn->fd < 0) {
    perror("socket");
    exit(3);
  }
  int on = 1;
  setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(config.port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  conn->window = conn->first_window = H2_WINDOW_DEFAULT;
  conn->next_id = 1;
  bytes_add(&conn->out, H2_PREFACE, sizeof H2_PREFACE - 1);
  frame_settings(&conn->out, 4, H2_WINDOW_WIDE);
  frame_window(&conn->out, 0, H2_WINDOW_WIDE - H2_WINDOW_DEFAULT);
  if (connect(conn->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
    perror("connect");
    exit(3);
  }
  if (conn_count == conn_room) conns = realloc(conns, (conn_room = conn_room ? conn_room * 2 : 64) * sizeof *conns);
  conns[conn_count++] = conn;
  watch(conn, EPOLL_CTL_ADD);
  return conn;
}

static void lose(Conn *conn) {
  if (conn->dead) return;
  conn->dead = true;
  epoll_ctl(epoll, EPOLL_CTL_DEL, conn->fd, NULL);
  close(conn->fd);
  tally.failed++;
  for (int at = 0; at < conn->count; at++) {
    if (conn->streams[at]->ended) continue;
    conn->streams[at]->ended = true;
    tally.ended++;
  }
}

Stream *stream_open(Conn *conn, int client, int only) {
  Stream *stream = calloc(1, sizeof *stream);
  *stream = (Stream){.conn = conn, .id = conn->next_id, .index = stream_count, .client = client, .only = only};
  stream->window = conn->first_window;
  conn->next_id += 2;
  if (conn->count == conn->room) {
    conn->room = conn->room ? conn->room * 2 : 1;
    conn->streams = realloc(conn->streams, conn->room * sizeof *conn->streams);
  }
  conn->streams[conn->count++] = stream;
  if (stream_count == stream_room) {
    stream_room = stream_room ? stream_room * 2 : 1024;
    streams = realloc(streams, stream_room * sizeof *streams);
  }
  streams[stream_count++] = stream;
  tally.streams++;
  Bytes block = {0};
  char path[160];
  snprintf(path, sizeof path, "/envoy.service.%s/%s", names[only][0], names[only][config.delta ? 2 : 1]);
  header_literal(&block, ":method", "POST");
  header_literal(&block, ":scheme", "http");
  header_literal(&block, ":path", path);
  header_literal(&block, ":authority", "switchyard");
  header_literal(&block, "te", "trailers");
  header_literal(&block, "content-type", "application/grpc");
  header_literal(&block, "x-envoy-internal", "true");
  header_literal(&block, "x-forwarded-for", "127.0.0.1");
  frame_head(&conn->out, block.length, H2_HEADERS, H2_END_HEADERS, stream->id);
  bytes_add(&conn->out, block.at, block.length);
  bytes_free(&block);
  return stream;
}

/* Moves what windows allow into the connection's output. */
static void pump(Stream *stream) {
  Conn *conn = stream->conn;
  while (stream->sent < stream->pending.length && stream->window > 0 && conn->window > 0) {
    size_t piece = stream->pending.length - stream->sent;
    if (piece > H2_FRAME_MAX) piece = H2_FRAME_MAX;
    if ((int64_t)piece > stream->window) piece = stream->window;
    if ((int64_t)piece > conn->window) piece = conn->window;
    frame_head(&conn->out, piece, H2_DATA, 0, stream->id);
    bytes_add(&conn->out, stream->pending.at + stream->sent, piece);
    stream->sent += piece;
    stream->window -= piece;
    conn->window -= piece;
  }
  if (stream->sent < stream->pending.length) return;
  stream->sent = 0;
  stream->pending.length = 0;
  if (stream->pending.room > 4096) bytes_free(&stream->pending);
}

void stream_send(Stream *stream, const Bytes *message) {
  uint32_t length = message->length;
  uint8_t head[5] = {0, length >> 24, length >> 16, length >> 8, length};
  bytes_add(&stream->pending, head, sizeof head);
  bytes_add(&stream->pending, message->at, length);
  tally.requests++;
  pump(stream);
}

void conn_flush(Conn *conn) {
  if (conn->dead || !conn->up) return;
  while (conn->written < conn->out.length) {
    ssize_t wrote = send(conn->fd, conn->out.at + conn->written, conn->out.length - conn->written, MSG_NOSIGNAL);
    if (wrote < 0 && errno == EAGAIN) {
      if (!conn->wants_write) {
        conn->wants_write = true;
        watch(conn, EPOLL_CTL_MOD);
      }
      return;
    }
    if (wrote < 0) {
      lose(conn);
      return;
    }
    conn->written += wrote;
  }
  conn->written = conn->out.length = 0;
  if (conn->out.room > 4096) bytes_free(&conn->out);
  if (conn->wants_write) {
    conn->wants_write = false;
    watch(conn, EPOLL_CTL_MOD);
  }
}

void conn_writable(Conn *conn) {
  if (!conn->up) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) {
      lose(conn);
      return;
    }
    conn->up = true;
    watch(conn, EPOLL_CTL_MOD);
  }
  conn_flush(conn);
}

void conn_stall(Conn *conn, bool stalled) {
  if (conn->dead || conn->stalled == stalled) return;
  conn->stalled = stalled;
  watch(conn, EPOLL_CTL_MOD);
}

static Stream *stream_of(Conn *conn, uint32_t id) {
  uint32_t at = (id - 1) / 2;
  return id % 2 == 1 && at < (uint32_t)conn->count ? conn->streams[at] : NULL;
}

static void end(Stream *stream) {
  if (!stream || stream->ended) return;
  stream->ended = true;
  tally.ended++;
}

static void settings(Conn *conn) {
  if (conn->in.flags & H2_ACK) return;
  for (uint32_t at = 0; at + 6 <= conn->in.kept; at += 6) {
    const uint8_t *one = conn->in.small + at;
    if ((one[0] << 8 | one[1]) != 4) continue;
    uint32_t window = read32(one + 2);
    for (int each = 0; each < conn->count; each++) {
      conn->streams[each]->window += (int64_t)window - conn->first_window;
    }
    conn->first_window = window;
    for (int each = 0; each < conn->count; each++) pump(conn->streams[each]);
  }
  frame_head(&conn->out, 0, H2_SETTINGS, H2_ACK, 0);
}

static void opened(Conn *conn, uint32_t id, uint32_t more) {
  Stream *stream = stream_of(conn, id);
  if (stream) {
    stream->window += more;
    pump(stream);
  } else if (id == 0) {
    conn->window += more;
    for (int each = 0; each < conn->count; each++) pump(conn->streams[each]);
  }
}

static void control(Conn *conn) {
  FrameIn *in = &conn->in;
  switch (in->type) {
    case H2_SETTINGS:
      settings(conn);
      break;
    case H2_PING:
      if (in->flags & H2_ACK) break;
      frame_head(&conn->out, 8, H2_PING, H2_ACK, 0);
      bytes_add(&conn->out, in->small, 8);
      break;
    case H2_WINDOW:
      opened(conn, in->stream, read32(in->small) & 0x7fffffff);
      break;
    case H2_RST:
      end(stream_of(conn, in->stream));
      break;
    case H2_GOAWAY:
      fprintf(stderr, "GOAWAY with code %u\n", read32(in->small + 4));
      break;
    case H2_HEADERS:
      if (in->flags & H2_END_STREAM) end(stream_of(conn, in->stream));
      break;
  }
}

/* Windows are given back when a quarter is used. */
static void consumed(Conn *conn, Stream *stream, uint32_t length) {
  conn->unacknowledged += length;
  if (conn->unacknowledged > H2_WINDOW_WIDE / 4) {
    frame_window(&conn->out, 0, conn->unacknowledged);
    conn->unacknowledged = 0;
  }
  if (!stream) return;
  stream->unacknowledged += length;
  if (stream->unacknowledged > H2_WINDOW_WIDE / 4) {
    frame_window(&conn->out, stream->id, stream->unacknowledged);
    stream->unacknowledged = 0;
  }
}

static void take(Stream *stream, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    bool whole, fresh = stream->scan.have < 5;
    size_t used = scan_feed(&stream->scan, &response, bytes, count, &whole);
    size_t head = 0;
    if (fresh) {
      stream->had = 0;
      stream->keeping = false;
      stream->whole.length = 0;
      /* What belongs to the message begins after its head. */
      size_t body = whole ? stream->scan.length : stream->scan.have == 5 ? stream->scan.length - stream->scan.left : 0;
      head = used - body;
    }
    const uint8_t *piece = bytes + head;
    size_t length = used - head;
    uint32_t decisive = stream->scan.length < sizeof stream->first ? stream->scan.length : sizeof stream->first;
    if (stream->had < decisive) {
      size_t more = decisive - stream->had < length ? decisive - stream->had : length;
      memcpy(stream->first + stream->had, piece, more);
      stream->had += more;
      piece += more;
      length -= more;
      if (stream->had == decisive && ads_needs(stream, stream->first, decisive, stream->scan.length)) {
        stream->keeping = true;
        bytes_add(&stream->whole, stream->first, decisive);
      }
    }
    if (stream->keeping) bytes_add(&stream->whole, piece, length);
    if (whole) {
      ads_received(stream);
      if (stream->whole.room > 65536) bytes_free(&stream->whole);
    }
    bytes += used;
    count -= used;
  }
}

void conn_readable(Conn *conn) {
  if (conn->dead) return;
  for (int reads = 0; reads < 4; reads++) {
    ssize_t count = recv(conn->fd, buffer, sizeof buffer, 0);
    if (count < 0 && errno == EAGAIN) break;
    if (count <= 0) {
      lose(conn);
      return;
    }
    tally.wire += count;
    for (size_t at = 0; at < (size_t)count;) {
      const uint8_t *payload;
      size_t length;
      bool whole;
      at += frame_read(&conn->in, buffer + at, count - at, &payload, &length, &whole);
      if (length > 0) {
        Stream *stream = stream_of(conn, conn->in.stream);
        consumed(conn, stream, length);
        if (stream) take(stream, payload, length);
      }
      if (whole && conn->in.type == H2_DATA && conn->in.flags & H2_END_STREAM) end(stream_of(conn, conn->in.stream));
      if (whole && conn->in.type != H2_DATA) control(conn);
    }
    if ((size_t)count < sizeof buffer) break;
  }
  conn_flush(conn);
}

void conns_close(void) {
  for (int each = 0; each < conn_count; each++) {
    Conn *conn = conns[each];
    if (!conn->dead) close(conn->fd);
    bytes_free(&conn->out);
    free(conn->streams);
    free(conn);
  }
  conn_count = 0;
  for (int each = 0; each < stream_count; each++) {
    bytes_free(&streams[each]->pending);
    bytes_free(&streams[each]->whole);
    free(streams[each]);
  }
  stream_count = 0;
}
