/* The load client: thousands of proxies that behave on the wire as Envoy does, in one thread and without a gRPC library. */
#ifndef CLIENT_H
#define CLIENT_H

#include "scan.h"

enum { CDS, EDS, LDS, RDS, TYPES, ADS = TYPES };

/* Names that one response of clusters had, and what subscribing to their endpoints looks like. */
typedef struct {
  uint64_t key;
  uint32_t length, count;
  Bytes block;   /* the names as fields of a request */
  char **names;
} Names;

typedef struct Conn Conn;

typedef struct {
  Conn *conn;
  uint32_t id;
  int index;   /* of all streams */
  int client;  /* of the proxy that it belongs to */
  int only;    /* its type, or ADS */
  bool opened, ended;
  int64_t window;          /* that the server gives */
  Bytes pending;           /* gRPC messages that wait for it */
  size_t sent;             /* of `pending` */
  uint32_t unacknowledged; /* received and not given back */
  Scan scan;
  uint8_t first[256];
  uint32_t had; /* bytes of the message */
  Bytes whole;  /* the message, where it is needed */
  bool keeping;
  Names *names;          /* of endpoints that it has asked for */
  const Names *seen[16]; /* delta: responses whose names it has asked for */
  uint8_t asked, acked;  /* types, as bits */
  char version[TYPES][SCAN_TEXT], nonce[TYPES][SCAN_TEXT];
  int64_t receipt, acknowledgement; /* since the last `arm` */
  uint64_t marker;
  uint32_t messages; /* since the last `arm` */
} Stream;

struct Conn {
  int fd;
  bool up, stalled, dead, wants_write;
  FrameIn in;
  Bytes out;
  size_t written;
  int64_t window;
  uint32_t first_window; /* of new streams */
  uint32_t next_id, unacknowledged;
  Stream **streams; /* by number: (id - 1) / 2 */
  int count, room;
};

typedef struct {
  int port;
  bool delta, per_type;
  int per_connection;
  uint8_t want; /* types, as bits */
  Bytes node;
  const char *route;
  int set_size, set_of; /* names of endpoints for each proxy, of how many; 0: those of all clusters */
} Config;

typedef struct {
  uint64_t wire, messages[TYPES], resources[TYPES], removed[TYPES], payload[TYPES], requests, rejected;
  int streams, ready, received, acknowledged, ended, failed;
  int64_t last_receipt, last_acknowledgement, last_ready, last_traffic;
} Tally;

typedef struct {
  bool learn, remember, resume, markers;
  int armed;
  char reject[128]; /* proxies whose number is a multiple of `reject_each` reject what has this in it */
  int reject_each;
} Mode;

extern Config config;
extern Tally tally;
extern Mode mode;
extern Stream **streams;
extern int stream_count, stream_room;

/* session.c */
void session_begin(int epoll);
Conn *conn_open(void);
Stream *stream_open(Conn *conn, int client, int only);
void stream_send(Stream *stream, const Bytes *message);
void conn_readable(Conn *conn);
void conn_writable(Conn *conn);
void conn_flush(Conn *conn);
void conn_stall(Conn *conn, bool stalled);
void conns_close(void);
extern Conn **conns;
extern int conn_count;

/* ads.c */
void proxy_start(Conn *conn, int client);
/* The head of a message is there. @returns whether the whole of it is needed. */
bool ads_needs(Stream *stream, const uint8_t *head, size_t length, uint32_t of);
void ads_received(Stream *stream);
void ads_again(Stream *stream);
void ads_forget(void);

/* stats.c */
void sample(int64_t ns);
void samples_clear(void);
void print_samples(const char *name);
void print_receipts(int64_t since);

#endif
