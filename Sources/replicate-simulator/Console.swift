internal import Glibc
internal import System

/// Writes lines to standard output and standard error.
struct Console: Sendable {
  /// Suppresses notes.
  let isQuiet: Bool

  /// Prints a line on standard output, unbuffered.
  ///
  /// A program may wait on it.
  func print(_ line: String) {
    Self.write(line, to: STDOUT_FILENO)
  }

  /// Prints an informational line on standard error.
  func note(_ line: String) {
    if !isQuiet { Self.write(line, to: STDERR_FILENO) }
  }

  static func error(_ line: String) {
    write("replicate-simulator: " + line, to: STDERR_FILENO)
  }

  private static func write(_ line: String, to descriptor: Int32) {
    // Where the reader is gone, there is no other place to report that.
    BlockingOutput.write(Array((line + "\n").utf8), to: descriptor)
  }

  /// The first word of a small file; nil if unreadable or empty.
  static func firstWord(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
    }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
  }

  /// The first word of an environment variable; nil if unset or empty.
  static func firstWord(ofVariable name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    return String(cString: value).split(whereSeparator: \.isWhitespace).first.map(String.init)
  }

  /// Ends the process without running exit handlers.
  ///
  /// Threads may be in the middle of a transfer, and handlers would free library state that they still use.
  static func exitImmediately(_ status: Int32) -> Never {
    _exit(status)
  }
}
