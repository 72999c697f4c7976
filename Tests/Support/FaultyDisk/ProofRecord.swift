internal import Glibc

/// The record of proof results, which deploy/prove.sh reads.
///
/// Tests append one line of JSON per round, or per several, to the file that PROOF_RECORD names. Without that
/// variable nothing is written.
package enum ProofRecord {
  private static let path = getenv("PROOF_RECORD").map { String(cString: $0) }

  /// Appends a line to the record.
  ///
  /// - Parameters:
  ///   - fault: the row of the table.
  ///   - lost: the number of acknowledged deliveries that are missing.
  package static func note(
    _ fault: String, rounds: Int = 1, acknowledged: Int, lost: Int, appliedTwice: Int
  ) {
    guard let path else { return }
    let line =
      #"{"fault":"\#(fault)","rounds":\#(rounds),"acknowledged":\#(acknowledged),"lost":\#(lost),"#
      + #""appliedTwice":\#(appliedTwice)}"# + "\n"
    // One write per line, so that lines of concurrent tests do not mix (open(2), O_APPEND).
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "PROOF_RECORD names a file that cannot be written")
    defer { close(descriptor) }
    let bytes = Array(line.utf8)
    precondition(write(descriptor, bytes, bytes.count) == bytes.count, "PROOF_RECORD cannot be written")
  }
}
