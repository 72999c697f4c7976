/* The minimum of a durable receiver, and nothing else: the yardstick of deploy/benchmark.sh.
 *
 *   yardstick serve PORT FILE               receives deliveries; the secret is in REPLICATE_WEBHOOK_SECRET
 *   yardstick postgresql PORT URL WRITERS   the same with PostgreSQL and so many connections to it
 *   yardstick transaction FILE COUNT BYTES  one row of so many bytes inserted and committed at a time
 *   yardstick sync FILE COUNT               4 KiB appended and synced at a time
 *
 * serve has one epoll thread that reads requests and checks their HMAC-SHA256, and one group-commit thread:
 * all waiting deliveries in one transaction (WAL, synchronous=FULL), one INSERT each. The 200 follows the
 * commit. It parses no JSON, knows no jobs and trusts its client: requests are whole, small and
 * well-formed, one at a time on a connection. No server is this short. With PostgreSQL it merges jobs, in
 * yardstick_postgresql.c. The other two modes print their p50 and p99 in microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "yardstick.h"

void require(int is_true, const char *what) {
  if (is_true) return;
  fprintf(stderr, "yardstick: %s failed\n", what);
  exit(1);
}

/* SQLite, configured like the daemon's: a WAL that is synced at every commit. */

static sqlite3 *open_database(const char *file) {
  sqlite3 *database;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  require(sqlite3_open_v2(file, &database, flags, NULL) == SQLITE_OK, "opening the database");
  const char *text =
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY, id TEXT UNIQUE, body BLOB)";
  require(sqlite3_exec(database, text, NULL, NULL, NULL) == SQLITE_OK, "making the table");
  return database;
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *text) {
  sqlite3_stmt *statement;
  int code = sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
  require(code == SQLITE_OK, text);
  return statement;
}

static void execute(sqlite3_stmt *statement) {
  require(sqlite3_step(statement) == SQLITE_DONE, sqlite3_sql(statement));
  sqlite3_reset(statement);
}

/* The measurements without a receiver. */

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int ascending(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static int print_times(double *times, int count) {
  qsort(times, (size_t)count, sizeof *times, ascending);
  printf("{\"p50_us\":%.1f,\"p99_us\":%.1f}\n", times[(count - 1) / 2], times[(count * 99 + 99) / 100 - 1]);
  return 0;
}

static int measure_transactions(const char *file, int count, int size) {
  sqlite3 *database = open_database(file);
  sqlite3_stmt *begin = prepare(database, "BEGIN IMMEDIATE"), *commit = prepare(database, "COMMIT");
  sqlite3_stmt *insert = prepare(database, "INSERT INTO deliveries (id, body) VALUES (?, ?)");
  double *times = calloc((size_t)count, sizeof *times);
  char *body = calloc(1, (size_t)size), id[32];
  require(times && body, "memory");
  memset(body, 'x', (size_t)size);
  for (int number = 0; number < count; number++) {
    snprintf(id, sizeof id, "msg_%024d", number);
    double start = now();
    execute(begin);
    sqlite3_bind_text(insert, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 2, body, size, SQLITE_STATIC);
    execute(insert);
    execute(commit);
    times[number] = now() - start;
  }
  return print_times(times, count);
}

static int measure_syncs(const char *file, int count) {
  int descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  double *times = calloc((size_t)count, sizeof *times);
  static char page[4096];
  require(descriptor >= 0 && times, "opening the file");
  for (int number = 0; number < count; number++) {
    double start = now();
    ssize_t written = pwrite(descriptor, page, sizeof page, (off_t)number * (off_t)sizeof page);
    require(written == sizeof page, "pwrite");
    require(fdatasync(descriptor) == 0, "fdatasync");
    times[number] = now() - start;
  }
  return print_times(times, count);
}

/* Requests on their way from the loop to the commit thread, and back. */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static Connection *waiting, **last_waiting = &waiting, *committed, **last_committed = &committed;
static int wake_up;

Connection *take_waiting(int max) {
  pthread_mutex_lock(&lock);
  while (!waiting) pthread_cond_wait(&arrived, &lock);
  Connection *batch = waiting, **end = &waiting;
  for (int count = 0; *end && count < max; count++) end = &(*end)->next;
  waiting = *end;
  *end = NULL;
  if (waiting) {
    pthread_cond_signal(&arrived);
  } else {
    last_waiting = &waiting;
  }
  pthread_mutex_unlock(&lock);
  return batch;
}

void answer_later(Connection *batch) {
  Connection **end = &batch;
  while (*end) end = &(*end)->next;
  pthread_mutex_lock(&lock);
  *last_committed = batch;
  last_committed = end;
  pthread_mutex_unlock(&lock);
  uint64_t once = 1;
  require(write(wake_up, &once, sizeof once) == sizeof once, "waking the loop");
}

static void *commit_forever(void *file) {
  sqlite3 *database = open_database(file);
  sqlite3_stmt *begin = prepare(database, "BEGIN IMMEDIATE"), *commit = prepare(database, "COMMIT");
  sqlite3_stmt *insert = prepare(database, "INSERT OR IGNORE INTO deliveries (id, body) VALUES (?, ?)");
  for (;;) {
    Connection *batch = take_waiting(INT_MAX);
    execute(begin);
    for (Connection *one = batch; one; one = one->next) {
      sqlite3_bind_text(insert, 1, one->id, -1, SQLITE_STATIC);
      sqlite3_bind_blob(insert, 2, one->body, one->body_length, SQLITE_STATIC);
      execute(insert);
    }
    execute(commit);
    answer_later(batch);
  }
  return NULL;
}

/* The part of HTTP that the client of the benchmark uses. */

static void answer(Connection *connection, const char *status) {
  char text[128];
  int length = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status);
  connection->length = 0;
  (void)!send(connection->descriptor, text, (size_t)length, MSG_NOSIGNAL);
}

static void answer_committed(void) {
  uint64_t count;
  (void)!read(wake_up, &count, sizeof count);
  pthread_mutex_lock(&lock);
  Connection *done = committed;
  committed = NULL;
  last_committed = &committed;
  pthread_mutex_unlock(&lock);
  while (done) {
    Connection *next = done->next;
    answer(done, "200 OK");
    done = next;
  }
}

/* Copies the value behind `name`, a line break, a field name and a colon; "" if there is none. */
static void copy_field(const char *head, const char *name, char *value, size_t size) {
  const char *found = strcasestr(head, name);
  value[0] = 0;
  if (!found) return;
  found += strlen(name);
  found += strspn(found, " ");
  size_t length = strcspn(found, "\r");
  if (length < size) {
    memcpy(value, found, length);
    value[length] = 0;
  }
}

static EVP_MAC_CTX *make_mac(void) {
  const char *secret = getenv("REPLICATE_WEBHOOK_SECRET");
  int usable = secret && strncmp(secret, "whsec_", 6) == 0 && strlen(secret) < 128;
  require(usable, "REPLICATE_WEBHOOK_SECRET=whsec_…");
  unsigned char key[128];
  int length = EVP_DecodeBlock(key, (const unsigned char *)secret + 6, (int)strlen(secret + 6));
  for (const char *end = secret + strlen(secret); end[-1] == '='; end--) length--;
  EVP_MAC_CTX *mac = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
  OSSL_PARAM digest[] = {OSSL_PARAM_construct_utf8_string("digest", (char[]){"SHA256"}, 0), OSSL_PARAM_END};
  require(length > 0 && EVP_MAC_init(mac, key, (size_t)length, digest), "preparing the HMAC");
  return mac;
}

static int is_signed(
    EVP_MAC_CTX *mac, const Connection *connection, const char *timestamp, const char *signature) {
  unsigned char code[32];
  char text[48];
  size_t length;
  EVP_MAC_init(mac, NULL, 0, NULL);
  EVP_MAC_update(mac, (const unsigned char *)connection->id, strlen(connection->id));
  EVP_MAC_update(mac, (const unsigned char *)".", 1);
  EVP_MAC_update(mac, (const unsigned char *)timestamp, strlen(timestamp));
  EVP_MAC_update(mac, (const unsigned char *)".", 1);
  EVP_MAC_update(mac, (const unsigned char *)connection->body, (size_t)connection->body_length);
  EVP_MAC_final(mac, code, &length, sizeof code);
  EVP_EncodeBlock((unsigned char *)text, code, sizeof code);
  long age = labs((long)time(NULL) - atol(timestamp));
  return age <= 300 && strlen(signature) == 47 && strncmp(signature, "v1,", 3) == 0 &&
         CRYPTO_memcmp(text, signature + 3, 44) == 0;
}

/* Returns 1 if the request is whole and waits for its commit. */
static int take(EVP_MAC_CTX *mac, Connection *connection) {
  char *end = memmem(connection->bytes, (size_t)connection->length, "\r\n\r\n", 4);
  if (!end) return 0;
  char length[16], timestamp[32], signature[96];
  end[2] = 0;
  copy_field(connection->bytes, "\r\ncontent-length:", length, sizeof length);
  connection->body = end + 4;
  connection->body_length = atoi(length);
  if (connection->body + connection->body_length > connection->bytes + connection->length) {
    end[2] = '\r';
    return 0;
  }
  copy_field(connection->bytes, "\r\nwebhook-id:", connection->id, sizeof connection->id);
  copy_field(connection->bytes, "\r\nwebhook-timestamp:", timestamp, sizeof timestamp);
  copy_field(connection->bytes, "\r\nwebhook-signature:", signature, sizeof signature);
  if (!is_signed(mac, connection, timestamp, signature)) {
    answer(connection, "401 Unauthorized");
    return 0;
  }
  connection->next = NULL;
  pthread_mutex_lock(&lock);
  *last_waiting = connection;
  last_waiting = &connection->next;
  pthread_mutex_unlock(&lock);
  return 1;
}

static void accept_all(int listener, int epoll) {
  int descriptor, yes = 1;
  while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    Connection *connection = calloc(1, sizeof *connection);
    require(connection != NULL, "memory");
    connection->descriptor = descriptor;
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &readable);
  }
}

static int serve(int port, void *(*commit)(void *), char *store, int writers) {
  EVP_MAC_CTX *mac = make_mac();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  require(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "binding");
  require(listen(listener, 4096) == 0, "listening");
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  wake_up = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &listener});
  epoll_ctl(epoll, EPOLL_CTL_ADD, wake_up, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &wake_up});
  for (int number = 0; number < writers; number++) {
    pthread_t committer;
    require(pthread_create(&committer, NULL, commit, store) == 0, "starting a commit thread");
  }
  for (;;) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, 256, -1), taken = 0;
    for (int index = 0; index < count; index++) {
      if (events[index].data.ptr == &listener) {
        accept_all(listener, epoll);
      } else if (events[index].data.ptr == &wake_up) {
        answer_committed();
      } else {
        Connection *connection = events[index].data.ptr;
        ssize_t received = recv(connection->descriptor, connection->bytes + connection->length,
                                sizeof connection->bytes - (size_t)connection->length, 0);
        if (received <= 0) { /* No commit is pending: the client reads every answer before it closes. */
          close(connection->descriptor);
          free(connection);
        } else {
          connection->length += (int)received;
          taken += take(mac, connection);
        }
      }
    }
    if (taken) pthread_cond_signal(&arrived);
  }
  return 0;
}

int main(int count, char **arguments) {
  const char *mode = count > 1 ? arguments[1] : "";
  if (count == 4 && !strcmp(mode, "serve")) return serve(atoi(arguments[2]), commit_forever, arguments[3], 1);
  if (count == 5 && !strcmp(mode, "postgresql"))
    return serve(atoi(arguments[2]), commit_to_postgresql, arguments[3], atoi(arguments[4]));
  if (count == 5 && !strcmp(mode, "transaction"))
    return measure_transactions(arguments[2], atoi(arguments[3]), atoi(arguments[4]));
  if (count == 4 && !strcmp(mode, "sync")) return measure_syncs(arguments[2], atoi(arguments[3]));
  fprintf(stderr, "usage: yardstick serve PORT FILE | postgresql PORT URL WRITERS |\n"
                  "                 transaction FILE COUNT BYTES | sync FILE COUNT\n");
  return 64;
}
