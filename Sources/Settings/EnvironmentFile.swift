internal import Bytes

/// Reads a `.env` file: `NAME=value` a line, `#` comments, optional `export `, values bare or in quotes.
///
/// The syntax is the part that systemd's `EnvironmentFile=` and a shell's `source` read alike, and anything else is a
/// problem: a daemon that silently skips a line runs with a setting its operator believes changed.
package enum EnvironmentFile {
  /// A file larger than this is not a settings file.
  package static let sizeLimit = 256 * 1024

  package static func parse(_ text: String, named file: String) -> (
    values: [String: String], problems: [SettingProblem]
  ) {
    var values: [String: String] = [:]
    var problems: [SettingProblem] = []
    for (index, line) in lines(of: text).enumerated() {
      let content = line.trimmed
      guard !content.isEmpty, !content.hasPrefix("#") else { continue }
      let place = "\(file):\(index + 1)"
      let assignment = content.hasPrefix("export ") ? content.dropFirst("export ".count).trimmed : content
      guard let equals = assignment.firstIndex(of: "=") else {
        problems.append(SettingProblem(variable: place, advice: "write NAME=value, or # before a comment"))
        continue
      }
      let name = String(assignment[..<equals])
      guard isName(name) else {
        problems.append(
          SettingProblem(variable: place, advice: "a name is letters, digits and _, with no space before ="))
        continue
      }
      guard let value = unquoted(assignment[assignment.index(after: equals)...].trimmed) else {
        problems.append(
          SettingProblem(variable: name, advice: "close the quote in \(place), with nothing after it"))
        continue
      }
      if values.updateValue(value, forKey: name) != nil {
        problems.append(SettingProblem(variable: name, advice: "it is set twice in \(file): keep one line"))
      }
    }
    return (values, problems)
  }

  /// Editors of other systems end lines with CR LF, which is one Character in Swift and no `"\n"`, and begin a file with a
  /// byte order mark.
  private static func lines(of text: String) -> [Substring] {
    let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    return text.split(omittingEmptySubsequences: false) { ["\n", "\r\n", "\r"].contains($0) }
  }

  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy {
      $0 == UInt8(ascii: "_") || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
        || (0x61...0x7A).contains($0)
    }
  }

  private static func unquoted(_ text: Substring) -> String? {
    guard let quote = text.first, quote == "\"" || quote == "'" else {
      // A comment after a bare value needs a space before it: a token may contain #.
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
