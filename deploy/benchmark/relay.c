/* Relays TCP connections on loopback, and holds every byte back: a network's delay, and its loss.
 *
 *   relay LISTEN_PORT TARGET_PORT MICROSECONDS
 *
 * MICROSECONDS is the delay of one direction, half of a round trip. Bytes that are held when the relay is
 * killed are lost, as those that a machine has not sent when it dies. One thread; a peer that stops to read
 * stops its sender after 16 MiB.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_BYTES = 64 << 10, MAX_HELD_BYTES = 16 << 20, MAX_CONNECTIONS = 256 };

typedef struct Chunk {
  struct Chunk *next;
  int64_t due;
  size_t sent, length;
  char bytes[CHUNK_BYTES];
} Chunk;

/* One direction of a connection. */
typedef struct {
  Chunk *first, **last;
  size_t held;
  int is_ended; /* The sender has closed its side; a last chunk of no length passes that on. */
} Direction;

/* `direction[0]` leads from the client to the target. */
typedef struct {
  int descriptor[2];
  Direction direction[2];
  int closed;
} Connection;

static Connection *connections[MAX_CONNECTIONS];
static int count;
static int64_t delay;

static void require(int is_true, const char *what) {
  if (is_true) return;
  fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void accept_one(int listener, int target) {
  int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), yes = 1;
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(target);
  if (client < 0 || server < 0 || count == MAX_CONNECTIONS ||
      connect(server, (struct sockaddr *)&address, sizeof address) != 0) {
    close(client);
    close(server);
    return;
  }
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  Connection *connection = calloc(1, sizeof *connection);
  require(connection != NULL, "memory");
  connection->descriptor[0] = client;
  connection->descriptor[1] = server;
  for (int side = 0; side < 2; side++) connection->direction[side].last = &connection->direction[side].first;
  connections[count++] = connection;
}

static void receive(Connection *connection, int side) {
  Direction *direction = &connection->direction[side];
  Chunk *chunk = malloc(sizeof *chunk);
  require(chunk != NULL, "memory");
  ssize_t length = recv(connection->descriptor[side], chunk->bytes, CHUNK_BYTES, MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
    free(chunk);
    return;
  }
  chunk->next = NULL;
  chunk->due = now() + delay;
  chunk->sent = 0;
  chunk->length = length > 0 ? (size_t)length : 0;
  if (length <= 0) direction->is_ended = 1;
  direction->held += chunk->length;
  *direction->last = chunk;
  direction->last = &chunk->next;
}

/* Sends what is due. Returns when the next chunk is, 0 for a peer that does not read, and -1 for no chunk. */
static int64_t forward(Connection *connection, int side, int64_t time) {
  Direction *direction = &connection->direction[side];
  int target = connection->descriptor[1 - side];
  while (direction->first) {
    Chunk *chunk = direction->first;
    if (chunk->due > time) return chunk->due;
    if (chunk->length == 0) {
      shutdown(target, SHUT_WR);
      connection->closed++;
    }
    while (chunk->sent < chunk->length) {
      ssize_t sent = send(
          target, chunk->bytes + chunk->sent, chunk->length - chunk->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
      if (sent < 0) { /* The target is gone, so that the sender must end too. */
        shutdown(connection->descriptor[side], SHUT_RDWR);
        break;
      }
      chunk->sent += (size_t)sent;
    }
    direction->held -= chunk->length;
    direction->first = chunk->next;
    if (!direction->first) direction->last = &direction->first;
    free(chunk);
  }
  return -1;
}

static void close_ended(void) {
  for (int index = 0; index < count;) {
    Connection *connection = connections[index];
    if (connection->closed < 2) {
      index++;
      continue;
    }
    close(connection->descriptor[0]);
    close(connection->descriptor[1]);
    free(connection);
    connections[index] = connections[--count];
  }
}

int main(int arguments, char **values) {
  if (arguments != 4) {
    fprintf(stderr, "usage: relay LISTEN_PORT TARGET_PORT MICROSECONDS\n");
    return 64;
  }
  int target = atoi(values[2]), yes = 1;
  delay = atoll(values[3]) * 1000;
  /* Wakes up at the nanosecond; the default slack of 50 µs would be added to every delay. */
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(atoi(values[1]));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  require(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
  require(listen(listener, 64) == 0, "listen");
  for (;;) {
    static struct pollfd polled[1 + 2 * MAX_CONNECTIONS];
    polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    int64_t time = now(), next = -1;
    int before = count;
    for (int index = 0; index < count; index++) {
      Connection *connection = connections[index];
      struct pollfd *sides = &polled[1 + 2 * index];
      sides[0] = (struct pollfd){.fd = connection->descriptor[0]};
      sides[1] = (struct pollfd){.fd = connection->descriptor[1]};
      for (int side = 0; side < 2; side++) {
        Direction *direction = &connection->direction[side];
        int64_t due = forward(connection, side, time);
        if (due > 0 && (next < 0 || due < next)) next = due;
        if (due == 0) sides[1 - side].events |= POLLOUT;
        if (!direction->is_ended && direction->held <= MAX_HELD_BYTES) sides[side].events |= POLLIN;
      }
      /* An end of the connection would be reported without an event to wait for. */
      for (int side = 0; side < 2; side++) {
        if (!sides[side].events) sides[side].fd = -1;
      }
    }
    int64_t wait = next < 0 ? 1000000000 : next > time ? next - time : 0;
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    ppoll(polled, (nfds_t)(1 + 2 * before), &timeout, NULL);
    for (int index = 0; index < before; index++) {
      for (int side = 0; side < 2; side++) {
        int is_readable = polled[1 + 2 * index + side].revents & (POLLIN | POLLHUP | POLLERR);
        if (is_readable && !connections[index]->direction[side].is_ended) receive(connections[index], side);
      }
    }
    if (polled[0].revents & POLLIN) accept_one(listener, target);
    close_ended();
  }
}
