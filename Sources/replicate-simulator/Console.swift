internal import Glibc

/// Standard output and standard error, written whole.
struct Console: Sendable {
  /// Only what was asked for, and errors.
  let isQuiet: Bool

  /// One line on standard output, there at once: a program may wait for it.
  func print(_ line: String) {
    Self.write(line, to: STDOUT_FILENO)
  }

  /// What a user may like to see go by.
  func note(_ line: String) {
    if !isQuiet { Self.write(line, to: STDERR_FILENO) }
  }

  static func error(_ line: String) {
    write("replicate-simulator: " + line, to: STDERR_FILENO)
  }

  private static func write(_ line: String, to descriptor: Int32) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        // The reader is gone; there is nobody to tell.
        return
      }
    }
  }

  /// The first word of a small file; nil where it cannot be read or holds none.
  static func firstWord(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
    }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
  }

  /// The first word of an environment variable; nil where it is unset or empty.
  static func firstWord(ofVariable name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    return String(cString: value).split(whereSeparator: \.isWhitespace).first.map(String.init)
  }

  /// Ends the process at once. Threads may be in the middle of a transfer: what libraries clean up when a process ends
  /// in order would be taken from under them.
  static func exitImmediately(_ status: Int32) -> Never {
    _exit(status)
  }
}
