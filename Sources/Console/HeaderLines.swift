/// Header fields read from `name: value` lines.
///
/// Lines that are no field are skipped, such as a request line; curl's prefixes `> ` and `< ` are removed.
package struct HeaderLines {
  private let fields: [(name: String, value: String)]

  package init(_ text: String) {
    fields = text.split(whereSeparator: \.isNewline).compactMap { line in
      let field = line.hasPrefix("> ") || line.hasPrefix("< ") ? line.dropFirst(2) : line
      guard let colon = field.firstIndex(of: ":") else { return nil }
      let value = field[field.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      return (field[..<colon].lowercased(), String(value))
    }
  }

  package func values(_ name: String) -> [String] {
    fields.filter { $0.name == name }.map(\.value)
  }
}
