internal import Glibc
internal import System

/// Writes standard output and standard error without partial writes.
///
/// Text for a terminal is stripped of control characters; files and pipes get the exact bytes.
package enum Terminal {
  package static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }
  package static var isErrorInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  /// - Returns: false if the reader is gone.
  @discardableResult
  package static func print(_ line: String) -> Bool {
    let line = isInteractive ? visible(line, keeping: layout) : line
    return BlockingOutput.write(Array((line + "\n").utf8), to: STDOUT_FILENO)
  }

  /// Prints JSON on standard output.
  ///
  /// - Parameter json: one or more documents, with their line endings.
  /// - Returns: false if the reader is gone.
  @discardableResult
  package static func print(json: [UInt8]) -> Bool {
    BlockingOutput.write(isInteractive ? Array(escaped(json: json).utf8) : json, to: STDOUT_FILENO)
  }

  /// Prints bytes unchanged; the caller makes sure that no terminal shows them.
  ///
  /// - Returns: false if the reader is gone.
  @discardableResult
  package static func print(exact bytes: [UInt8]) -> Bool {
    BlockingOutput.write(bytes, to: STDOUT_FILENO)
  }

  package static func error(_ line: String) {
    note("replicate-webhookd: " + line)
  }

  /// Prints an informational line on standard error.
  package static func note(_ line: String) {
    BlockingOutput.write(Array((visible(line, keeping: layout) + "\n").utf8), to: STDERR_FILENO)
  }

  /// Clears the terminal and shows `text` (ECMA-48, CUP and ED).
  package static func redraw(_ text: String) -> Bool {
    BlockingOutput.write(
      Array("\u{1B}[H\u{1B}[2J\(visible(text, keeping: layout))\n".utf8), to: STDOUT_FILENO)
  }

  /// Replaces the terminal's current line with `text` (ECMA-48, EL).
  package static func overwriteErrorLine(_ text: String) {
    BlockingOutput.write(Array("\r\u{1B}[K\(visible(text))".utf8), to: STDERR_FILENO)
  }

  /// The size of the terminal that shows standard error. The usual one where it is unknown.
  package static var errorSize: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Shows lines on standard error in place of the last `count` (ECMA-48, CUU and ED).
  ///
  /// A line is cut where the terminal ends, because one that wraps would be counted wrongly.
  package static func redraw(errorLines lines: [String], over count: Int) {
    let columns = errorSize.columns
    let up = count > 0 ? "\u{1B}[\(count)A\u{1B}[J" : ""
    let text = lines.map { visible($0).prefix(columns - 1) + "\n" }.joined()
    BlockingOutput.write(Array((up + text).utf8), to: STDERR_FILENO)
  }

  private static let layout: Set<Unicode.Scalar> = ["\n", "\t"]
}
