internal import Glibc

/// The stream from a service to systemd's journal.
package enum JournalStream {
  /// Whether `descriptor` is the stream that `JOURNAL_STREAM` names as `device:inode` (systemd.exec(5)).
  ///
  /// The variable alone does not prove it: a child inherits it, and may write elsewhere.
  package static func isDestination(of descriptor: Int32, environment: [String: String]) -> Bool {
    var status = stat()
    guard let name = environment["JOURNAL_STREAM"], fstat(descriptor, &status) == 0 else { return false }
    return name == "\(status.st_dev):\(status.st_ino)"
  }
}
