/* What the HTTP side of the yardstick and its stores share. */
#ifndef YARDSTICK_H
#define YARDSTICK_H

/* A connection, and the delivery on it that waits for its commit. */
typedef struct Connection {
  struct Connection *next;
  int descriptor, length;
  char *body, id[80];
  int body_length;
  char bytes[64 << 10];
} Connection;

/* Ends the program unless `is_true`. */
void require(int is_true, const char *what);

/* Waits for deliveries, and returns at most `max` of them as a list. */
Connection *take_waiting(int max);

/* Answers a list of deliveries with 200. */
void answer_later(Connection *batch);

/* Commits deliveries for ever; the argument is a connection string of libpq. One thread each. */
void *commit_to_postgresql(void *target);

#endif
