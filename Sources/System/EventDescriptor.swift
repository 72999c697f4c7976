internal import CLinux
internal import Glibc

/// A descriptor that other threads make readable, so that a thread in poll(2) wakes (eventfd(2)).
package final class EventDescriptor: Sendable {
  package let number: Int32

  package init() throws(SystemError) {
    number = clinux_eventfd()
    guard number >= 0 else { throw SystemError(call: "eventfd", number: -number) }
  }

  deinit { close(number) }

  /// Makes it readable. Callable from any thread.
  package func signal() {
    // EAGAIN: it is readable already.
    _ = clinux_eventfd_signal(number)
  }

  /// Takes all signals.
  ///
  /// - Returns: whether there was one.
  package func drain() -> Bool { clinux_eventfd_drain(number) >= 0 }
}
