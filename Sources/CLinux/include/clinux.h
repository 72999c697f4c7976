#pragma once
// System calls that Swift's Glibc module lacks: epoll, eventfd, and the GNU form of accept. Every function
// returns the result of the system call, or the negated errno, so that no caller can read errno too late.
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>

/// One readiness event. `token` is the value that the descriptor was registered with.
struct clinux_event {
  uint64_t token;
  uint32_t events;
};

#define CLINUX_EVENTS_PER_WAIT 256

int clinux_epoll_create(void);
/// Registers for reading, writing and hang-up, edge-triggered. `level` registers for reading only,
/// level-triggered.
int clinux_epoll_add(int epoll, int descriptor, uint64_t token, int level);
/// Waits at most `timeout_ms` (-1: indefinitely) for at most CLINUX_EVENTS_PER_WAIT events.
int clinux_epoll_wait(int epoll, struct clinux_event *events, int timeout_ms);

int clinux_eventfd(void);
int clinux_eventfd_signal(int descriptor);
int clinux_eventfd_drain(int descriptor);

int clinux_socket(int family);
int clinux_set_option(int descriptor, int level, int name, int value);
int clinux_bind(int descriptor, const struct sockaddr *address, socklen_t length);
int clinux_listen(int descriptor, int backlog);
/// The accepted descriptor is non-blocking and closes on exec.
int clinux_accept(int descriptor, struct sockaddr_storage *peer, socklen_t *length);
ssize_t clinux_receive(int descriptor, void *bytes, size_t count);
/// Never raises SIGPIPE.
ssize_t clinux_send(int descriptor, const void *bytes, size_t count);

/// Names the calling thread; at most 15 bytes (pthread_setname_np(3)).
void clinux_name_thread(const char *name);

/// Returns free memory of every arena to the system (malloc_trim(3)). A no-op without glibc.
void clinux_malloc_trim(void);

/// Maps every allocation of at least `bytes` separately (M_MMAP_THRESHOLD, mallopt(3)). A no-op without
/// glibc.
void clinux_set_mmap_threshold(int bytes);

/// Starts to write a range of a file to the disk, and does not wait (sync_file_range(2)).
int clinux_start_writing(int descriptor, int64_t offset, int64_t count);
