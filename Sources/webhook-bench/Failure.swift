/// An end of the benchmark that is no result: one line for people, an exit status for scripts.
struct Failure: Error, CustomStringConvertible {
  /// After sysexits.h where it has one.
  enum Status: Int32 {
    /// EX_UNAVAILABLE: the receiver does not answer.
    case unavailable = 69
    /// EX_OSERR: the system refuses something.
    case system = 71
    /// EX_CONFIG: an option or a setting does not fit.
    case configuration = 78
    /// As shells say it of a command that SIGINT ended.
    case interrupted = 130
  }

  let description: String
  let status: Status

  init(_ description: String, _ status: Status) {
    self.description = description
    self.status = status
  }
}
