import Glibc

/// Standard output and standard error, written whole.
enum Terminal {
  static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }
  static var isErrorInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  static func print(_ line: String) {
    write(Array((line + "\n").utf8), to: STDOUT_FILENO)
  }

  /// False where the reader is gone.
  @discardableResult
  static func print(_ bytes: [UInt8]) -> Bool {
    write(bytes, to: STDOUT_FILENO)
  }

  static func error(_ line: String) {
    write(Array(("replicate-webhookd: " + line + "\n").utf8), to: STDERR_FILENO)
  }

  /// What is no error, but does not belong into the output.
  static func note(_ line: String) {
    write(Array((line + "\n").utf8), to: STDERR_FILENO)
  }

  /// Puts `text` in place of all that stands on the terminal (ECMA-48, CUP and ED).
  static func redraw(_ text: String) -> Bool {
    write(Array("\u{1B}[H\u{1B}[2J\(text)\n".utf8), to: STDOUT_FILENO)
  }

  /// Without control characters, which could move the cursor of the terminal or repaint it.
  ///
  /// - Parameter kept: those that stay.
  static func visible(_ text: String, keeping kept: Set<Unicode.Scalar> = []) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          scalar.properties.generalCategory == .control && !kept.contains(scalar) ? "·" : scalar
        }))
  }

  /// Puts `text` in place of what stands in the terminal's last line (ECMA-48, EL).
  static func overwriteErrorLine(_ text: String) {
    write(Array("\r\u{1B}[K\(text)".utf8), to: STDERR_FILENO)
  }

  @discardableResult
  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
