internal import Glibc
internal import System

/// The thread that receives signals and forwards them to the main thread.
enum SignalThread {
  /// The time from the second signal to the end of the process, even with requests in flight.
  private static let exitTimeout: Duration = .seconds(3)

  /// Starts the thread; it is never joined, because a signal may come until the process ends.
  ///
  /// - Parameter forward: called on the thread, until the second signal that stops the daemon.
  static func start(forward: @escaping @Sendable (Signal) -> Void) throws(StartError) {
    try StartError.converting {
      _ = try Thread(named: "signals") {
        var stops = 0
        while stops < 2 {
          let signal = Signals.next()
          if signal != .hangUp { stops += 1 }
          forward(signal)
        }
        // A disk or a pipe may keep the other threads from ending. What is acknowledged is stored.
        _ = Signals.next(of: [.interrupt, .terminate], within: exitTimeout)
        _exit(1)
      }
    }
  }
}
