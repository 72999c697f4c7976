import Glibc

/// Handles SIGINT and SIGTERM by polling.
///
/// They are blocked, so that the daemon is stopped and its folder removed before the benchmark ends. Every
/// wait polls them at least every tenth of a second.
enum Interruption {
  static func blockSignals() {
    var set = signals
    sigprocmask(SIG_BLOCK, &set, nil)
    // A write to a closed connection fails with EPIPE instead of ending the process.
    signal(SIGPIPE, SIG_IGN)
  }

  static func check() throws {
    var pending = sigset_t()
    sigpending(&pending)
    if sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 {
      throw Failure("interrupted", .interrupted)
    }
  }

  private static var signals: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    return set
  }
}
