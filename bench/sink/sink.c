/*
 * An S3 that keeps nothing: it answers an uploader's requests as S3 would and throws the bytes away inside the kernel
 * (recv with MSG_TRUNC), so that a benchmark against it measures the client alone.
 *
 * It listens on a free port of 127.0.0.1, prints that port, serves until its standard input is closed, and then prints
 * one line of JSON: what it cost, what it received, and the first UploadPart's request head.
 *
 * `sink 30` answers each part 30 ms after its last byte, as a store does that is some way off: a client that may have
 * four parts in flight then has four in flight, however fast this machine is.
 *
 * A part's ETag is md5 of its number (the bytes are never looked at); Complete answers with the real multipart ETag over
 * the parts' ETags, so that a client which predicts it finds it right. Checksums are echoed, not verified.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "md5.h"

enum { MAX_CONNECTIONS = 4096, MAX_UPLOADS = 4096, HEAD_BYTES = 16384, DISCARD_BYTES = 1 << 22, MAX_PARTS = 10000 };
#define MAX_BODY (8u << 20) /* a Complete of 10,000 parts with checksums is under 3 MiB */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

typedef enum { CREATE, UPLOAD_PART, COMPLETE, LIST_PARTS, LIST_UPLOADS, ABORT, PUT_OBJECT, DELETE_OBJECT, HEAD, UNKNOWN } Verb;

typedef struct {
  char head[HEAD_BYTES + 1];
  size_t head_used;   /* bytes in head; from head_length on they belong to the body */
  size_t head_length; /* 0 while the head is incomplete */
  uint64_t body_left;
  char *body; /* kept for Complete only */
  size_t body_used;
  Verb verb;
  unsigned long upload, part;
  int closing;
  int64_t answer_at; /* milliseconds of the monotonic clock; 0: nothing waits for its answer */
} Connection;

static struct pollfd polls[MAX_CONNECTIONS + 2]; /* 0: standard input, 1: listener, then connections[i - 2] */
static Connection *connections[MAX_CONNECTIONS];
static int open_connections;
static uint8_t alive[MAX_UPLOADS];
static uint64_t received[MAX_UPLOADS]; /* bytes of each upload's parts */
static struct { uint64_t size; char etag[48]; } last_object; /* what HEAD shows, of whatever key */
static unsigned long uploads;
static struct { uint64_t connections, requests, part_bytes, object_bytes, largest_part; } totals;
static char first_part_head[HEAD_BYTES + 1];
static uint8_t etags[MAX_PARTS][16];
static int64_t part_delay; /* milliseconds */

static void fail(const char *what) {
  fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static ssize_t discard(int fd, size_t length) {
#ifdef __linux__
  return recv(fd, NULL, length, MSG_TRUNC); /* tcp(7): the kernel drops the bytes without copying them */
#else
  static char scratch[DISCARD_BYTES];
  return recv(fd, scratch, length, 0);
#endif
}

/* The value of a header (its length in *length), or NULL. */
static const char *header(const char *head, const char *name, size_t *length) {
  const size_t size = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, size) != 0 || line[size] != ':') continue;
    const char *value = line + size + 1;
    while (*value == ' ') value++;
    *length = strcspn(value, "\r\n");
    return value;
  }
  return NULL;
}

static int header_is(const char *head, const char *name, const char *value) {
  size_t length;
  const char *found = header(head, name, &length);
  return found != NULL && length == strlen(value) && strncasecmp(found, value, length) == 0;
}

/* The value of a query parameter, "" when it has none, NULL when it is absent. `target` ends at a space. */
static const char *query(const char *target, const char *name) {
  const size_t size = strlen(name);
  const char *end = target + strcspn(target, " ");
  for (const char *at = memchr(target, '?', (size_t)(end - target)); at != NULL && at < end; at = strpbrk(at, "& ")) {
    if (*at == ' ') break;
    at++;
    if (strncmp(at, name, size) == 0 && strchr("=& ", at[size]) != NULL) return at + size + (at[size] == '=');
  }
  return NULL;
}

static void respond(int fd, Connection *c, const char *status, const char *headers, const char *body) {
  char out[4096];
  const int head_only = c->verb == HEAD;
  const int length = snprintf(out, sizeof out, "HTTP/1.1 %s\r\nServer: sluice-bench-sink\r\n%s%sContent-Length: %zu\r\n\r\n%s",
                              status, headers, c->closing ? "Connection: close\r\n" : "", head_only ? 0 : strlen(body),
                              head_only ? "" : body);
  if (send(fd, out, (size_t)length, MSG_NOSIGNAL) != length) c->closing = 1;
}

static void respond_error(int fd, Connection *c, const char *status, const char *code) {
  char body[256];
  snprintf(body, sizeof body, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, code);
  respond(fd, c, status, "Content-Type: application/xml\r\n", body);
}

static void part_etag(unsigned long part, char hex[33]) {
  char name[24];
  uint8_t digest[16];
  md5((const uint8_t *)name, (size_t)snprintf(name, sizeof name, "part %lu", part), digest);
  md5_hex(digest, hex);
}

/* Reads the 16 bytes of an ETag written in hex, with or without (escaped) quotes. */
static int read_etag(const char *text, uint8_t digest[16]) {
  if (strncmp(text, "&quot;", 6) == 0) text += 6;
  else if (strncmp(text, "&#34;", 5) == 0) text += 5;
  else if (*text == '"') text++;
  for (int i = 0; i < 16; i++) {
    unsigned int byte;
    if (sscanf(text + 2 * i, "%2x", &byte) != 1) return 0;
    digest[i] = (uint8_t)byte;
  }
  return 1;
}

static void respond_complete(int fd, Connection *c) {
  size_t count = 0, length = 0;
  for (const char *at = c->body; at != NULL && (at = strstr(at, "<ETag>")) != NULL; at += 6)
    if (count == MAX_PARTS || !read_etag(at + 6, etags[count++])) { count = 0; break; }
  if (count == 0) { respond_error(fd, c, "400 Bad Request", "MalformedXML"); return; }
  uint8_t digest[16];
  char etag[33], checksum[96] = "", body[512];
  md5(etags[0], count * 16, digest);
  md5_hex(digest, etag);
  const char *crc32 = header(c->head, "x-amz-checksum-crc32", &length);
  if (crc32 != NULL && length <= 16)
    snprintf(checksum, sizeof checksum, "<ChecksumCRC32>%.*s</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>",
             (int)length, crc32);
  snprintf(body, sizeof body,
           "<?xml version=\"1.0\"?><CompleteMultipartUploadResult><Location>/bench/object</Location>"
           "<Bucket>bench</Bucket><Key>object</Key>"
           "<ETag>&quot;%s-%zu&quot;</ETag>%s</CompleteMultipartUploadResult>", etag, count, checksum);
  alive[c->upload] = 0;
  last_object.size = received[c->upload];
  snprintf(last_object.etag, sizeof last_object.etag, "%s-%zu", etag, count);
  respond(fd, c, "200 OK", "Content-Type: application/xml\r\n", body);
}

/* Some clients look whether the object that they completed is there, and has their size. */
static void respond_head(int fd, Connection *c) {
  char out[512];
  if (last_object.etag[0] == '\0') { respond_error(fd, c, "404 Not Found", "NoSuchKey"); return; }
  const int length = snprintf(out, sizeof out,
                              "HTTP/1.1 200 OK\r\nServer: sluice-bench-sink\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                              "ETag: \"%s\"\r\n%sContent-Length: %llu\r\n\r\n", last_object.etag,
                              c->closing ? "Connection: close\r\n" : "", (unsigned long long)last_object.size);
  if (send(fd, out, (size_t)length, MSG_NOSIGNAL) != length) c->closing = 1;
}

/* Answers one request, its body being in. */
static void answer(int fd, Connection *c) {
  char headers[512], body[512], etag[33];
  size_t length = 0;
  const int known = c->upload < uploads && alive[c->upload];
  const char *crc32 = header(c->head, "x-amz-checksum-crc32", &length);
  if (length > 16) crc32 = NULL;
  switch (c->verb) {
    case CREATE:
      if (uploads == MAX_UPLOADS) { respond_error(fd, c, "503 Service Unavailable", "SlowDown"); return; }
      alive[uploads] = 1;
      snprintf(body, sizeof body,
               "<?xml version=\"1.0\"?><InitiateMultipartUploadResult><Bucket>bench</Bucket><Key>object</Key>"
               "<UploadId>sink-%lu</UploadId></InitiateMultipartUploadResult>", uploads++);
      respond(fd, c, "200 OK", "Content-Type: application/xml\r\n", body);
      return;
    case UPLOAD_PART:
    case PUT_OBJECT:
      if (c->verb == UPLOAD_PART && !known) break;
      if (c->verb == UPLOAD_PART && (c->part < 1 || c->part > MAX_PARTS)) {
        respond_error(fd, c, "400 Bad Request", "InvalidArgument"); /* S3: part numbers from 1 to 10,000 */
        return;
      }
      part_etag(c->part, etag);
      snprintf(headers, sizeof headers, "ETag: \"%s\"\r\n%s%.*s%s", etag, crc32 ? "x-amz-checksum-crc32: " : "",
               crc32 ? (int)length : 0, crc32 ? crc32 : "", crc32 ? "\r\n" : "");
      respond(fd, c, "200 OK", headers, "");
      return;
    case COMPLETE:
      if (!known) break;
      respond_complete(fd, c);
      return;
    case ABORT:
      if (!known) break;
      alive[c->upload] = 0;
      respond(fd, c, "204 No Content", "", "");
      return;
    case LIST_PARTS:
      if (!known) break;
      respond(fd, c, "200 OK", "Content-Type: application/xml\r\n",
              "<?xml version=\"1.0\"?><ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>");
      return;
    case DELETE_OBJECT: respond(fd, c, "204 No Content", "", ""); return;
    case LIST_UPLOADS:
      respond(fd, c, "200 OK", "Content-Type: application/xml\r\n",
              "<?xml version=\"1.0\"?><ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>");
      return;
    case HEAD: respond_head(fd, c); return;
    case UNKNOWN: respond_error(fd, c, "501 Not Implemented", "NotImplemented"); return;
  }
  respond_error(fd, c, "404 Not Found", "NoSuchUpload");
}

static Verb verb_of(const char *head, const char *target) {
  const int upload = query(target, "uploadId") != NULL;
  if (strncmp(head, "PUT ", 4) == 0) return upload && query(target, "partNumber") ? UPLOAD_PART : PUT_OBJECT;
  if (strncmp(head, "POST ", 5) == 0) return upload ? COMPLETE : query(target, "uploads") ? CREATE : UNKNOWN;
  if (strncmp(head, "GET ", 4) == 0) return upload ? LIST_PARTS : query(target, "uploads") ? LIST_UPLOADS : UNKNOWN;
  if (strncmp(head, "DELETE ", 7) == 0) return upload ? ABORT : DELETE_OBJECT;
  return strncmp(head, "HEAD ", 5) == 0 ? HEAD : UNKNOWN;
}

/* Reads a complete head: what is asked, and how long its body is. False: this client cannot be served. */
static int begin(int fd, Connection *c) {
  const char *target = c->head + strcspn(c->head, " ");
  if (*target != ' ') return 0;
  size_t length;
  const char *content_length = header(c->head, "content-length", &length);
  const char *upload = query(++target, "uploadId"), *part = query(target, "partNumber");
  c->verb = verb_of(c->head, target);
  c->upload = upload && strncmp(upload, "sink-", 5) == 0 ? strtoul(upload + 5, NULL, 10) : MAX_UPLOADS;
  c->part = part ? strtoul(part, NULL, 10) : 0;
  c->body_left = content_length ? strtoull(content_length, NULL, 10) : 0;
  c->closing = header_is(c->head, "connection", "close");
  totals.requests++;
  if (c->verb == UPLOAD_PART) {
    totals.part_bytes += c->body_left;
    if (c->upload < MAX_UPLOADS) received[c->upload] += c->body_left;
    if (c->body_left > totals.largest_part) totals.largest_part = c->body_left;
    if (first_part_head[0] == '\0') strcpy(first_part_head, c->head);
  }
  if (c->verb == PUT_OBJECT) totals.object_bytes += c->body_left;
  if (header(c->head, "transfer-encoding", &length) != NULL) {
    c->closing = 1;
    respond_error(fd, c, "411 Length Required", "MissingContentLength");
    return 0;
  }
  if (c->verb == COMPLETE) {
    if (c->body_left > MAX_BODY) return 0;
    c->body = malloc(c->body_left + 1);
    if (c->body == NULL) return 0;
    c->body_used = 0;
  }
  if (header_is(c->head, "expect", "100-continue")) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (send(fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL) < 0) return 0;
  }
  return 1;
}

/* Answers, and is ready for the next request. False: the connection is over. */
static int finish(int fd, Connection *c) {
  if (c->body != NULL) c->body[c->body_used] = '\0';
  answer(fd, c);
  free(c->body);
  c->body = NULL, c->head_used = c->head_length = 0, c->answer_at = 0;
  return !c->closing;
}

/* Reads on. False: the connection is over. */
static int serve(int fd, Connection *c) {
  if (c->head_length == 0) {
    const ssize_t got = recv(fd, c->head + c->head_used, HEAD_BYTES - c->head_used, 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    c->head_used += (size_t)got;
    c->head[c->head_used] = '\0';
    char *end = strstr(c->head, "\r\n\r\n");
    if (end == NULL) return c->head_used < HEAD_BYTES;
    end[2] = '\0'; /* the head is a string of its own; the body's first bytes may follow */
    c->head_length = (size_t)(end + 4 - c->head);
    if (!begin(fd, c)) return 0;
    const size_t caught = c->head_used - c->head_length;
    if (caught > c->body_left) return 0; /* no client here pipelines */
    if (c->body != NULL) memcpy(c->body, end + 4, caught), c->body_used = caught;
    c->body_left -= caught;
  } else if (c->body != NULL) {
    const ssize_t got = recv(fd, c->body + c->body_used, (size_t)c->body_left, 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    c->body_used += (size_t)got, c->body_left -= (uint64_t)got;
  } else {
    const ssize_t got = discard(fd, c->body_left < DISCARD_BYTES ? (size_t)c->body_left : DISCARD_BYTES);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    c->body_left -= (uint64_t)got;
  }
  if (c->body_left > 0) return 1;
  if (c->verb == UPLOAD_PART && part_delay > 0) {
    c->answer_at = now() + part_delay;
    return 1;
  }
  return finish(fd, c);
}

static void accept_one(int listener) {
  const int fd = accept(listener, NULL, NULL), on = 1;
  if (fd < 0) return;
  Connection *c = open_connections < MAX_CONNECTIONS ? calloc(1, sizeof *c) : NULL;
  if (c == NULL) { close(fd); return; }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connections[open_connections] = c;
  polls[2 + open_connections++] = (struct pollfd){.fd = fd, .events = POLLIN};
  totals.connections++;
}

static void drop(int index) {
  close(polls[2 + index].fd);
  free(connections[index]->body);
  free(connections[index]);
  connections[index] = connections[--open_connections];
  polls[2 + index] = polls[2 + open_connections];
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static void report(void) {
  struct rusage usage;
  unsigned long open_uploads = 0;
  getrusage(RUSAGE_SELF, &usage);
  for (unsigned long i = 0; i < uploads; i++) open_uploads += alive[i];
  printf("{\"cpuSeconds\":%.3f,\"connections\":%llu,\"requests\":%llu,\"partBytes\":%llu,\"objectBytes\":%llu,"
         "\"largestPart\":%llu,\"openUploads\":%lu,\"firstPartHead\":\"",
         seconds(usage.ru_utime) + seconds(usage.ru_stime), (unsigned long long)totals.connections,
         (unsigned long long)totals.requests, (unsigned long long)totals.part_bytes,
         (unsigned long long)totals.object_bytes, (unsigned long long)totals.largest_part, open_uploads);
  for (const char *at = first_part_head; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\') printf("\\%c", *at);
    else if ((unsigned char)*at < 32 || (unsigned char)*at > 126) printf("\\u%04x", (unsigned char)*at);
    else putchar(*at);
  }
  printf("\"}\n");
  fflush(stdout);
}

/* How long to wait for the answer that is due first; -1: none is waited for. */
static int until_next_answer(void) {
  int64_t next = INT64_MAX;
  for (int i = 0; i < open_connections; i++)
    if (connections[i]->answer_at != 0 && connections[i]->answer_at < next) next = connections[i]->answer_at;
  if (next == INT64_MAX) return -1;
  const int64_t left = next - now();
  return left < 0 ? 0 : (int)left;
}

int main(int count, char **arguments) {
  if (count > 1) part_delay = strtoll(arguments[1], NULL, 10);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (listener < 0) fail("socket");
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listener, 128) < 0) fail("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  polls[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  polls[1] = (struct pollfd){.fd = listener, .events = POLLIN};
  while (polls[0].revents == 0) {
    if (poll(polls, (nfds_t)(2 + open_connections), until_next_answer()) < 0 && errno != EINTR) fail("poll");
    for (int i = open_connections - 1; i >= 0; i--) {
      Connection *c = connections[i];
      const int fd = polls[2 + i].fd;
      if (c->answer_at != 0 && c->answer_at <= now() && !finish(fd, c)) drop(i);
      else if (polls[2 + i].revents != 0 && !serve(fd, c)) drop(i);
    }
    if (polls[1].revents != 0) accept_one(listener);
  }
  report();
  return 0;
}
