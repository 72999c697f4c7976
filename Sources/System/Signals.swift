internal import Glibc
internal import Time

/// The signals that this program handles, taken synchronously by a waiting thread.
package enum Signal: Int32, CaseIterable, Sendable {
  case interrupt = 2
  case terminate = 15
  case hangUp = 1
}

package enum Signals {
  /// Blocks the signals in all threads started afterwards, so that ``next(of:)`` takes them.
  ///
  /// Call it first of all. SIGPIPE is ignored: a reader of our output that left must not end the daemon.
  /// SIGXFSZ is ignored too: a write beyond RLIMIT_FSIZE then fails with EFBIG (setrlimit(2)), which is
  /// handled like a full disk.
  package static func block(_ signals: [Signal] = Signal.allCases) {
    var set = Self.set(of: signals)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Waits for the next of `signals`, which are blocked.
  package static func next(of signals: [Signal] = Signal.allCases) -> Signal {
    var set = Self.set(of: signals)
    // Unbounded: it ends with the first signal, which is what it waits for.
    while true {
      var number: Int32 = 0
      if sigwait(&set, &number) == 0, let signal = Signal(rawValue: number) { return signal }
    }
  }

  /// Waits at most `timeout` for the next of `signals`, which are blocked.
  ///
  /// - Returns: nil on timeout.
  package static func next(of signals: [Signal], within timeout: Duration) -> Signal? {
    var set = Self.set(of: signals)
    let deadline = MonotonicClock.now + timeout
    // Bounded by the deadline: sigtimedwait(2) may fail with EINTR, for example after SIGCONT.
    while true {
      var time = timespec(deadline - MonotonicClock.now)
      let number = sigtimedwait(&set, nil, &time)
      if number > 0 { return Signal(rawValue: number) }
      guard errno == EINTR else { return nil }
    }
  }

  /// Whether one of `signals`, which are blocked, is pending.
  package static func arePending(_ signals: [Signal]) -> Bool {
    var pending = sigset_t()
    sigpending(&pending)
    return signals.contains { sigismember(&pending, $0.rawValue) == 1 }
  }

  private static func set(of signals: [Signal]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal.rawValue) }
    return set
  }
}
