import Glibc

/// Ctrl-C and SIGTERM: held back and asked for, so that the daemon is stopped and its folder removed before the benchmark
/// ends. Nothing here waits longer than a tenth of a second without asking.
enum Interruption {
  static func blockSignals() {
    var set = signals
    sigprocmask(SIG_BLOCK, &set, nil)
    // A receiver that closes while it is written to is an error of the call, not the end of the process.
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
