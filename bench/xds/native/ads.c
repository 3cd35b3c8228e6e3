#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static const char *const urls[TYPES] = {
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
};

/* Which names a response of clusters has: found by its start and length, so that it is read once for all proxies. */
typedef struct {
  uint64_t key;
  Names *names;
} Known;

static Known *known;
static size_t known_count, known_room;
static Names **lists;
static size_t list_count, list_room;
/* What a proxy that comes back says that it has, by type, as fields of a request. */
static Bytes held[TYPES];
static Bytes scratch;

static uint64_t hash(const void *bytes, size_t length, uint64_t seed) {
  uint64_t value = seed ^ 0xcbf29ce484222325u;
  for (const uint8_t *at = bytes; length--; at++) value = (value ^ *at) * 0x100000001b3u;
  return value;
}

static Names *names_of(uint64_t key) {
  for (size_t at = 0; at < known_count; at++) {
    if (known[at].key == key) return known[at].names;
  }
  return NULL;
}

static void know(uint64_t key, Names *names) {
  if (known_count == known_room) known = realloc(known, (known_room = known_room ? known_room * 2 : 64) * sizeof *known);
  known[known_count++] = (Known){key, names};
}

static bool type_is(const uint8_t *head, size_t length, int type) {
  return memmem(head, length, urls[type], strlen(urls[type])) != NULL;
}

static uint64_t key_of(const Stream *stream) { return hash(stream->first, stream->had, stream->scan.length); }

static bool rejects(const Stream *stream) {
  return mode.reject_each > 0 && mode.reject[0] && stream->client % mode.reject_each == 0;
}

bool ads_needs(Stream *stream, const uint8_t *head, size_t length, uint32_t of) {
  if (rejects(stream)) return true;
  if (mode.markers && of < (1 << 20)) return true;
  if (!mode.learn) return false;
  if (mode.remember && stream->client == 0) return true;
  return type_is(head, length, CDS) && !names_of(key_of(stream));
}

static void add_name(Names *names, const uint8_t *name, size_t length) {
  if ((names->count & (names->count - 1)) == 0) {
    names->names = realloc(names->names, (names->count ? names->count * 2 : 1) * sizeof *names->names);
  }
  names->names[names->count++] = strndup((const char *)name, length);
  proto_bytes(&names->block, 3, name, length);
  names->key ^= hash(name, length, 0);
}

/* @returns the name of a cluster whose endpoints come over EDS. */
static bool eds_cluster(const uint8_t *bytes, size_t length, const uint8_t **name, size_t *name_length) {
  Proto cluster = {.at = bytes, .end = bytes + length};
  bool eds = false;
  *name_length = 0;
  while (proto_next(&cluster)) {
    if (cluster.field == 1) {
      *name = cluster.bytes;
      *name_length = cluster.length;
    } else if (cluster.field == 2) {
      eds = cluster.number == 3;
    }
  }
  return eds && *name_length > 0;
}

/* The message itself of a resource, in either variant. */
static bool message_of(const Proto *entry, const uint8_t **at, size_t *length) {
  Proto any = {.at = entry->bytes, .end = entry->bytes + entry->length};
  uint32_t in = config.delta ? 2 : 0;
  while (in && proto_next(&any)) {
    if (any.field != in) continue;
    any = (Proto){.at = any.bytes, .end = any.bytes + any.length};
    in = 0;
  }
  while (proto_next(&any)) {
    if (any.field != 2) continue;
    *at = any.bytes;
    *length = any.length;
    return true;
  }
  return false;
}

static Names *interned(Names *names) {
  for (size_t at = 0; at < list_count; at++) {
    if (lists[at]->key != names->key || lists[at]->count != names->count) continue;
    for (uint32_t each = 0; each < names->count; each++) free(names->names[each]);
    free(names->names);
    bytes_free(&names->block);
    free(names);
    return lists[at];
  }
  if (list_count == list_room) lists = realloc(lists, (list_room = list_room ? list_room * 2 : 16) * sizeof *lists);
  return lists[list_count++] = names;
}

static Names *read_names(const Stream *stream) {
  Names *names = calloc(1, sizeof *names);
  Proto response = {.at = stream->whole.at, .end = stream->whole.at + stream->whole.length};
  while (proto_next(&response)) {
    const uint8_t *at, *name = NULL;
    size_t length, name_length;
    if (response.field != 2 || !message_of(&response, &at, &length)) continue;
    if (eds_cluster(at, length, &name, &name_length)) add_name(names, name, name_length);
  }
  names = interned(names);
  know(key_of(stream), names);
  return names;
}

/* Of a delta response: what a proxy that comes back says that it has. */
static void remember(const Stream *stream, int type) {
  Proto response = {.at = stream->whole.at, .end = stream->whole.at + stream->whole.length};
  while (proto_next(&response)) {
    if (response.field != 2) continue;
    Bytes pair = {0};
    const uint8_t *version = NULL;
    size_t length = 0;
    Proto resource = {.at = response.bytes, .end = response.bytes + response.length};
    while (proto_next(&resource)) {
      if (resource.field == 1) {
        version = resource.bytes;
        length = resource.length;
      } else if (resource.field == 3) {
        proto_bytes(&pair, 1, resource.bytes, resource.length);
      }
    }
    proto_bytes(&pair, 2, version, length);
    proto_bytes(&held[type], 5, pair.at, pair.length);
    bytes_free(&pair);
  }
}

void ads_forget(void) {
  for (int type = 0; type < TYPES; type++) held[type].length = 0;
}

static void node(const Stream *stream, uint32_t field) {
  char id[32];
  snprintf(id, sizeof id, "bench-%06d", stream->client);
  Bytes own = {0};
  proto_text(&own, 1, id);
  bytes_add(&own, config.node.at, config.node.length);
  proto_bytes(&scratch, field, own.at, own.length);
  bytes_free(&own);
}

/* A request in the order of fields that Envoy writes. @param names fields 3, or NULL; @param error of what is rejected. */
static void request(Stream *stream, int type, const Bytes *names, bool first_of_type, const char *error) {
  bool first = !stream->opened;
  stream->opened = true;
  scratch.length = 0;
  if (!config.delta && stream->version[type][0]) proto_text(&scratch, 1, stream->version[type]);
  if (first) node(stream, config.delta ? 1 : 2);
  if (config.delta) proto_text(&scratch, 2, urls[type]);
  if (names) bytes_add(&scratch, names->at, names->length);
  if (!config.delta) proto_text(&scratch, 4, urls[type]);
  if (config.delta && first_of_type && mode.resume) bytes_add(&scratch, held[type].at, held[type].length);
  if (stream->nonce[type][0]) proto_text(&scratch, config.delta ? 6 : 5, stream->nonce[type]);
  if (error) {
    Bytes status = {0};
    proto_varint(&status, 1 << 3);
    proto_varint(&status, 13);
    proto_text(&status, 2, error);
    proto_bytes(&scratch, config.delta ? 7 : 6, status.at, status.length);
    bytes_free(&status);
  }
  stream_send(stream, &scratch);
}

/* What SotW requests of a type name. */
static const Bytes *named(const Stream *stream, int type) {
  static Bytes route;
  if (type == EDS) return stream->names ? &stream->names->block : NULL;
  if (type != RDS) return NULL;
  if (!route.length) proto_text(&route, 3, config.route);
  return &route;
}

static void subscribe(Stream *stream, int type) {
  if (stream->asked & 1 << type) return;
  stream->asked |= 1 << type;
  request(stream, type, named(stream, type), true, NULL);
}

/* The next type that Envoy asks for once it has this one. */
static void go_on(Stream *stream, int after) {
  for (int type = after + 1; type < TYPES; type++) {
    if (!(config.want & 1 << type)) continue;
    if (type == EDS && !(stream->names && stream->names->count)) continue;
    subscribe(stream, type);
    return;
  }
}

static void endpoints_of(Stream *stream, Names *names) {
  for (size_t at = 0; at < sizeof stream->seen / sizeof *stream->seen; at++) {
    if (stream->seen[at] == names) return;
    if (stream->seen[at]) continue;
    stream->seen[at] = names;
    break;
  }
  if (config.per_type) {
    for (uint32_t each = 0; each < names->count; each++) {
      Stream *own = stream_open(stream->conn, stream->client, EDS);
      own->names = calloc(1, sizeof *own->names);
      proto_text(&own->names->block, 3, names->names[each]);
      own->names->count = 1;
      subscribe(own, EDS);
    }
    return;
  }
  if (!(stream->asked & 1 << EDS)) {
    stream->names = names;
    return;
  }
  if (config.delta) {
    request(stream, EDS, &names->block, false, NULL);
  } else if (stream->names != names) {
    stream->names = names;
    request(stream, EDS, &names->block, false, NULL);
  }
}

static Names *own_set(int client) {
  Names *names = calloc(1, sizeof *names);
  int step = config.set_of / config.set_size;
  for (int each = 0; each < config.set_size; each++) {
    char name[32];
    /* Each name is asked for by as many proxies as any other, and no two of the first step squared ask for the same. */
    int at = each * step + (client % step + each * (client / step)) % step;
    snprintf(name, sizeof name, "svc-%05d", at % config.set_of);
    add_name(names, (const uint8_t *)name, strlen(name));
  }
  return names;
}

/* Whoever comes back asks for all that it had at once, and need not be answered. */
static void come_back(Stream *stream) {
  if (list_count > 0) stream->names = lists[0];
  for (int type = 0; type < TYPES; type++) {
    if (config.want & 1 << type) subscribe(stream, type);
  }
  stream->acked = config.want;
  tally.ready++;
  tally.last_ready = now_ns();
}

void proxy_start(Conn *conn, int client) {
  if (config.per_type) {
    subscribe(stream_open(conn, client, CDS), CDS);
    return;
  }
  Stream *stream = stream_open(conn, client, ADS);
  if (config.set_size) {
    stream->names = own_set(client);
    subscribe(stream, EDS);
  } else {
    subscribe(stream, CDS);
  }
  if (mode.resume) come_back(stream);
}

static int type_of(const Stream *stream) {
  for (int type = 0; type < TYPES; type++) {
    if (strcmp(stream->scan.text[SCAN_TYPE], urls[type]) == 0) return type;
  }
  return -1;
}

/* Texts of endpoints such as `@t0000000000000000000.0000000` say when they came about and which change it was. */
static void read_markers(Stream *stream, int64_t now) {
  const uint8_t *at = stream->whole.at, *end = at + stream->whole.length;
  uint64_t newest = stream->marker;
  while (at && at < end && (at = memmem(at, end - at, "@t", 2)) && end - at >= 29) {
    char text[28];
    memcpy(text, at + 2, 27);
    text[27] = 0;
    int64_t time = atoll(text);
    uint64_t number = strtoull(text + 20, NULL, 10);
    if (time > 0 && number > stream->marker) sample(now - time);
    if (number > newest) newest = number;
    at += 29;
  }
  stream->marker = newest;
}

static void follow(Stream *stream, int type) {
  if (type == CDS && mode.learn && (config.want & 1 << EDS)) {
    Names *names = names_of(key_of(stream));
    if (!names && stream->keeping) names = read_names(stream);
    if (names) endpoints_of(stream, names);
  }
  if (config.set_size) return;
  if (!config.per_type) go_on(stream, type);
  else if (type == CDS && config.want & 1 << LDS && !(stream->acked & 1 << CDS)) {
    subscribe(stream_open(stream->conn, stream->client, LDS), LDS);
  } else if (type == LDS && config.want & 1 << RDS && !(stream->acked & 1 << LDS)) {
    subscribe(stream_open(stream->conn, stream->client, RDS), RDS);
  }
}

static void accepted(Stream *stream, int type, int64_t now) {
  uint8_t all = config.per_type ? 1 << type : config.set_size ? 1 << EDS : config.want;
  bool ready = stream->acked == all;
  if (stream->scan.count[2] > 0) stream->acked |= 1 << type;
  if (ready || stream->acked != all) return;
  tally.ready++;
  tally.last_ready = now;
}

void ads_received(Stream *stream) {
  int64_t now = now_ns();
  tally.last_traffic = now;
  int type = type_of(stream);
  if (type < 0) {
    fprintf(stderr, "a response of type \"%s\"\n", stream->scan.text[SCAN_TYPE]);
    return;
  }
  tally.messages[type]++;
  stream->messages++;
  tally.resources[type] += stream->scan.count[2];
  tally.removed[type] += config.delta ? stream->scan.count[6] : 0;
  tally.payload[type] += stream->scan.length;
  if (mode.markers && stream->keeping) read_markers(stream, now);
  if (mode.remember && config.delta && stream->client == 0 && stream->keeping) remember(stream, type);
  bool counts = type == mode.armed && !stream->receipt;
  if (counts) {
    stream->receipt = now;
    tally.received++;
    tally.last_receipt = now;
  }
  bool rejected = rejects(stream) && stream->keeping &&
                  memmem(stream->whole.at, stream->whole.length, mode.reject, strlen(mode.reject));
  strcpy(stream->nonce[type], stream->scan.text[SCAN_NONCE]);
  if (rejected) {
    tally.rejected++;
    char why[200];
    snprintf(why, sizeof why, "Error adding/updating cluster(s) %s: rejected for the benchmark", mode.reject);
    request(stream, type, config.delta ? NULL : named(stream, type), false, why);
    return;
  }
  strcpy(stream->version[type], stream->scan.text[SCAN_VERSION]);
  follow(stream, type);
  request(stream, type, config.delta ? NULL : named(stream, type), false, NULL);
  accepted(stream, type, now);
  if (counts) {
    conn_flush(stream->conn);
    stream->acknowledgement = now_ns();
    tally.acknowledged++;
    tally.last_acknowledgement = stream->acknowledgement;
  }
}

void ads_again(Stream *stream) {
  int type = stream->only == ADS ? EDS : stream->only;
  if (!stream->ended && stream->nonce[type][0]) request(stream, type, config.delta ? NULL : named(stream, type), false, NULL);
}
