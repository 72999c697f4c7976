internal import Glibc
internal import Time

/// Waits for sockets with poll(2).
enum SocketWait {
  /// Waits for `events` of `descriptor`, or for input at `other`.
  ///
  /// - Returns: false at the deadline.
  static func wait(
    for events: Int32, of descriptor: Int32, orInputOf other: Int32? = nil, until deadline: MonotonicTime
  ) throws(PostgreSQLError) -> Bool {
    guard descriptor >= 0 else { throw .connection("the connection has no socket") }
    // Bounded by the deadline: poll(2) ends early only for a signal.
    while true {
      let remaining = deadline - MonotonicClock.now
      let milliseconds = (remaining + .nanoseconds(999_999)).wholeMilliseconds
      let count = withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { list in
        list.initializeElement(at: 0, to: pollfd(fd: descriptor, events: Int16(events), revents: 0))
        list.initializeElement(at: 1, to: pollfd(fd: other ?? -1, events: Int16(POLLIN), revents: 0))
        return poll(list.baseAddress, other == nil ? 1 : 2, Int32(clamping: milliseconds))
      }
      if count > 0 { return true }
      guard count == 0 || errno == EINTR else { throw .connection("poll: errno \(errno)") }
      if MonotonicClock.now >= deadline { return false }
    }
  }

  /// Waits for events of any of `sockets`.
  ///
  /// - Returns: whether each is ready; none is at the deadline, or after a signal.
  static func ready(_ sockets: [(descriptor: Int32, events: Int32)], until deadline: MonotonicTime) -> [Bool]
  {
    var list = sockets.map { pollfd(fd: $0.descriptor, events: Int16($0.events), revents: 0) }
    let milliseconds = ((deadline - MonotonicClock.now) + .nanoseconds(999_999)).wholeMilliseconds
    guard poll(&list, nfds_t(list.count), Int32(clamping: milliseconds)) > 0 else {
      return sockets.map { _ in false }
    }
    return list.map { $0.revents != 0 }
  }

  static func hasInput(_ descriptor: Int32) -> Bool {
    var socket = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&socket, 1, 0) > 0
  }
}
