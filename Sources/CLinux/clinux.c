#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <unistd.h>

#define RESULT(call)                 \
  do {                               \
    __typeof__(call) result = (call); \
    return result < 0 ? -errno : result; \
  } while (0)

int clinux_epoll_create(void) { RESULT(epoll_create1(EPOLL_CLOEXEC)); }

int clinux_epoll_add(int epoll, int descriptor, uint64_t token, int level) {
  struct epoll_event event = {
      .events = level ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      .data.u64 = token,
  };
  RESULT(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

int clinux_epoll_wait(int epoll, struct clinux_event *events, int timeout_ms) {
  struct epoll_event ready[CLINUX_EVENTS_PER_WAIT];
  int count = epoll_wait(epoll, ready, CLINUX_EVENTS_PER_WAIT, timeout_ms);
  if (count < 0) return -errno;
  for (int i = 0; i < count; i++) {
    events[i].token = ready[i].data.u64;
    events[i].events = ready[i].events;
  }
  return count;
}

int clinux_eventfd(void) { RESULT(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

int clinux_eventfd_signal(int descriptor) { RESULT(eventfd_write(descriptor, 1)); }

int clinux_eventfd_drain(int descriptor) {
  eventfd_t value;
  RESULT(eventfd_read(descriptor, &value));
}

int clinux_socket(int family) { RESULT(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

int clinux_set_option(int descriptor, int level, int name, int value) {
  RESULT(setsockopt(descriptor, level, name, &value, sizeof value));
}

int clinux_bind(int descriptor, const struct sockaddr *address, socklen_t length) {
  RESULT(bind(descriptor, address, length));
}

int clinux_listen(int descriptor, int backlog) { RESULT(listen(descriptor, backlog)); }

int clinux_accept(int descriptor, struct sockaddr_storage *peer, socklen_t *length) {
  RESULT(accept4(descriptor, (struct sockaddr *)peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

ssize_t clinux_receive(int descriptor, void *bytes, size_t count) {
  RESULT(recv(descriptor, bytes, count, 0));
}

ssize_t clinux_send(int descriptor, const void *bytes, size_t count) {
  RESULT(send(descriptor, bytes, count, MSG_NOSIGNAL));
}

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void clinux_malloc_trim(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void clinux_set_mmap_threshold(int bytes) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, bytes);
#endif
}

int clinux_start_writing(int descriptor, int64_t offset, int64_t count) {
  RESULT(sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE));
}
