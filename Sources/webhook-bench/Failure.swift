/// A failure of the benchmark.
///
/// One line for people, an exit status for scripts.
struct Failure: Error, CustomStringConvertible {
  /// From sysexits.h where it has one.
  enum Status: Int32 {
    /// EX_UNAVAILABLE: the receiver does not answer.
    case unavailable = 69
    /// EX_OSERR: a system call failed.
    case system = 71
    /// EX_CONFIG: a wrong option or setting.
    case configuration = 78
    /// The shells' status for a command that SIGINT ended.
    case interrupted = 130
  }

  let description: String
  let status: Status

  init(_ description: String, _ status: Status) {
    self.description = description
    self.status = status
  }
}
