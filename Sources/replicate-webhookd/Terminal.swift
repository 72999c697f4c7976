import Glibc

/// Standard output and standard error, written whole.
enum Terminal {
  static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }
  static var isErrorInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  static func print(_ line: String) {
    write(Array((line + "\n").utf8), to: STDOUT_FILENO)
  }

  static func print(_ bytes: [UInt8]) {
    write(bytes, to: STDOUT_FILENO)
  }

  static func error(_ line: String) {
    write(Array(("replicate-webhookd: " + line + "\n").utf8), to: STDERR_FILENO)
  }

  /// Puts `text` in place of what stands in the terminal's last line (ECMA-48, EL).
  static func overwriteErrorLine(_ text: String) {
    write(Array("\r\u{1B}[K\(text)".utf8), to: STDERR_FILENO)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
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
}
