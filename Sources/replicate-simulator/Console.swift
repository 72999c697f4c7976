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
    contents(of: path, maxBytes: 4096).flatMap { bytes in
      String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
    }
  }

  /// The first `maxBytes` of a file; nil if unreadable.
  static func contents(of path: String, maxBytes: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    // Ends at the end of the file, at the limit, or with an error.
    while bytes.count < maxBytes {
      var result = 0
      bytes += [UInt8](unsafeUninitializedCapacity: min(maxBytes - bytes.count, 65_536)) { buffer, count in
        result = read(descriptor, buffer.baseAddress, buffer.count)
        count = max(0, result)
      }
      guard result != 0 else { break }
      if result < 0 && errno != EINTR { return nil }
    }
    return bytes
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
