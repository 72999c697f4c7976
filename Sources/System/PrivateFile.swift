internal import Glibc

/// Creates files that only their owner can read and write.
package enum PrivateFile {
  /// Runs `body` with a umask of 077.
  ///
  /// The umask applies to the whole process: call this at start.
  package static func creating<Result, Failure>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let previous = umask(0o077)
    defer { umask(previous) }
    return try body()
  }
}
