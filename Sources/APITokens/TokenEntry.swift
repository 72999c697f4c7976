internal import Bytes

/// One entry of `API_TOKENS`: a token, or its name, scope and text.
///
///     q83vEjRWeJCrze8SNFZ4kA            a token that may do everything
///     shop[read+write]=q83vEjRWeJCrze   the same with a name
///     grafana[metrics]=mHhVvVbS2k0EjRW  a token that may only read the metrics
struct TokenEntry {
  /// As clients send it.
  let text: String
  let name: String?
  let scope: TokenScope

  /// In bytes. A name is a label of metrics.
  static let maxNameLength = 32

  /// Why an entry cannot be used. It never contains a part of the entry, which may be the token.
  struct Invalid: Error {
    let advice: String
  }

  /// - Parameter entry: without white space and commas.
  init(_ entry: Substring) throws(Invalid) {
    guard let open = entry.firstIndex(of: "["), let close = entry[open...].firstRange(of: "]=") else {
      (text, name, scope) = (String(entry), nil, .write)
      return
    }
    let name = entry[..<open]
    guard !name.isEmpty, name.utf8.count <= Self.maxNameLength, name.utf8.allSatisfy(Self.isOfName) else {
      throw Invalid(
        advice: "its name before [ needs 1 to \(Self.maxNameLength) letters, digits, -, _ or .")
    }
    let scope = entry[entry.index(after: open)..<close.lowerBound]
    guard let scope = TokenScope(rawValue: String(scope)) else {
      throw Invalid(advice: "write [read+write], [read] or [metrics] behind its name")
    }
    (text, self.name, self.scope) = (String(entry[close.upperBound...]), String(name), scope)
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    byte.isAlphanumeric || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
  }
}
