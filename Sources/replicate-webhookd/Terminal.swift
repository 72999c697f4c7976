import Glibc

/// Standard output and standard error, written whole. What goes to a terminal is made harmless on its way; what goes to a file
/// or a pipe stays exact.
enum Terminal {
  static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }
  static var isErrorInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  static func print(_ line: String) {
    let line = isInteractive ? visible(line, keeping: layout) : line
    write(Array((line + "\n").utf8), to: STDOUT_FILENO)
  }

  /// - Parameter json: one document or several, with what ends their lines.
  /// - Returns: false where the reader is gone.
  @discardableResult
  static func print(json: [UInt8]) -> Bool {
    write(isInteractive ? Array(escaped(json: json).utf8) : json, to: STDOUT_FILENO)
  }

  /// - Parameter exact: what goes out unchanged, because no terminal shows it.
  static func print(exact bytes: [UInt8]) {
    write(bytes, to: STDOUT_FILENO)
  }

  static func error(_ line: String) {
    note("replicate-webhookd: " + line)
  }

  /// What is no error, but does not belong into the output.
  static func note(_ line: String) {
    write(Array((visible(line, keeping: layout) + "\n").utf8), to: STDERR_FILENO)
  }

  /// Puts `text` in place of all that stands on the terminal (ECMA-48, CUP and ED).
  static func redraw(_ text: String) -> Bool {
    write(Array("\u{1B}[H\u{1B}[2J\(visible(text, keeping: layout))\n".utf8), to: STDOUT_FILENO)
  }

  /// Puts `text` in place of what stands in the terminal's last line (ECMA-48, EL).
  static func overwriteErrorLine(_ text: String) {
    write(Array("\r\u{1B}[K\(visible(text))".utf8), to: STDERR_FILENO)
  }

  private static let layout: Set<Unicode.Scalar> = ["\n", "\t"]

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
