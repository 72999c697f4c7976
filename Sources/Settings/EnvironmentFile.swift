internal import Bytes

/// The parser of `.env` files.
///
/// A line is `NAME=value`, with an optional `export ` before it and a bare or quoted value. `#` begins a
/// comment. This is the syntax that systemd's `EnvironmentFile=` and a shell's `source` read alike. Anything
/// else is a problem: after a skipped line, a setting would not be what its operator believes.
package enum EnvironmentFile {
  /// A larger file is not a settings file.
  package static let maxBytes = 256 * 1024

  package static func parse(_ text: String, named file: String) -> (
    values: [String: String], problems: [SettingProblem]
  ) {
    var values: [String: String] = [:]
    var problems: [SettingProblem] = []
    for (index, line) in lines(of: text).enumerated() {
      let content = line.trimmed
      guard !content.isEmpty, !content.hasPrefix("#") else { continue }
      let position = "\(file):\(index + 1)"
      let assignment = content.hasPrefix("export ") ? content.dropFirst("export ".count).trimmed : content
      guard let equals = assignment.firstIndex(of: "=") else {
        problems.append(SettingProblem(variable: position, advice: "write NAME=value, or # before a comment"))
        continue
      }
      let name = String(assignment[..<equals])
      guard isName(name) else {
        problems.append(
          SettingProblem(
            variable: position, advice: "a name is letters, digits and _, with no space before ="))
        continue
      }
      guard let value = unquoted(assignment[assignment.index(after: equals)...].trimmed) else {
        problems.append(
          SettingProblem(variable: name, advice: "close the quote in \(position), with nothing after it"))
        continue
      }
      if values.updateValue(value, forKey: name) != nil {
        problems.append(SettingProblem(variable: name, advice: "it is set twice in \(file): keep one line"))
      }
    }
    return (values, problems)
  }

  /// The lines, with the line ends of any system.
  ///
  /// Some editors end lines with CR LF, which is one Character in Swift and not `"\n"`. Some begin a file
  /// with a byte order mark.
  private static func lines(of text: String) -> [Substring] {
    let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    return text.split(omittingEmptySubsequences: false) { ["\n", "\r\n", "\r"].contains($0) }
  }

  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !first.isDigit else { return false }
    return text.utf8.allSatisfy { $0 == UInt8(ascii: "_") || $0.isAlphanumeric }
  }

  /// The value without its quotes and comment; nil if a quote is not closed, or text follows it.
  private static func unquoted(_ text: Substring) -> String? {
    guard let quote = text.first, quote == "\"" || quote == "'" else {
      // A comment after a bare value needs a space before it, because a token may contain #.
      guard let comment = text.firstRange(of: " #") else { return String(text) }
      return String(text[..<comment.lowerBound].trimmed)
    }
    let inner = text.dropFirst()
    guard let end = inner.firstIndex(of: quote) else { return nil }
    let rest = inner[inner.index(after: end)...].trimmed
    guard rest.isEmpty || rest.hasPrefix("#") else { return nil }
    return String(inner[..<end])
  }
}
