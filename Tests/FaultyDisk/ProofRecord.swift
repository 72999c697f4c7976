internal import Glibc

/// Where tests write down what they have proven, one line of JSON for a round or for many, for deploy/prove.sh: the file that
/// PROOF_RECORD names. Without that nothing is written.
package enum ProofRecord {
  private static let path = getenv("PROOF_RECORD").map { String(cString: $0) }

  /// - Parameters:
  ///   - fault: the row of the table.
  ///   - lost: of those that were acknowledged.
  package static func note(
    _ fault: String, rounds: Int = 1, acknowledged: Int, lost: Int, appliedTwice: Int
  ) {
    guard let path else { return }
    let line =
      #"{"fault":"\#(fault)","rounds":\#(rounds),"acknowledged":\#(acknowledged),"lost":\#(lost),"#
      + #""appliedTwice":\#(appliedTwice)}"# + "\n"
    // One write a line, so that tests that run at once do not mix theirs (open(2), O_APPEND).
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "PROOF_RECORD names a file that cannot be written")
    defer { close(descriptor) }
    let bytes = Array(line.utf8)
    precondition(write(descriptor, bytes, bytes.count) == bytes.count, "PROOF_RECORD cannot be written")
  }
}
