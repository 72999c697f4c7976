internal import Bytes
internal import HTTPClient

/// The hosts that files are fetched from, each with its subdomains.
package struct SourceHosts: Equatable, Sendable {
  /// Where Replicate keeps outputs (https://replicate.com/docs/topics/predictions/output-files).
  package static let replicate = SourceHosts(names: ["replicate.delivery"])
  private static let maxNames = 64

  let names: [String]

  private init(names: [String]) {
    self.names = names
  }

  /// The entry that is wrong, and why.
  package enum ParseError: Error, Equatable, Sendable, CustomStringConvertible {
    case empty
    case notAHost(String)
    /// A name without a dot: a top-level domain, or a machine of the inside.
    case noDomain(String)
    case tooMany

    /// One sentence, with the fix.
    package var description: String {
      switch self {
      case .empty: "name at least one host, such as replicate.delivery"
      case .notAHost(let entry):
        "\(entry) is not a host name: write it such as replicate.delivery, without scheme, port or path; "
          + "subdomains are included"
      case .noDomain(let entry): "\(entry) has no domain: write a host such as replicate.delivery"
      case .tooMany: "name at most \(SourceHosts.maxNames) hosts"
      }
    }
  }

  /// Parses host names, separated by commas or spaces.
  package init(parsing text: String) throws(ParseError) {
    var names: [String] = []
    for entry in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
      guard names.count < Self.maxNames else { throw .tooMany }
      let name = entry.lowercased()
      guard let url = try? HTTPURL("https://\(name)/"), url.host == .name(name), url.port == nil else {
        throw .notAHost(String(entry.prefix(64)))
      }
      guard name.contains(".") else { throw .noDomain(name) }
      names.append(name)
    }
    guard !names.isEmpty else { throw .empty }
    self.names = names
  }

  /// Whether a host ends as one of the names, in any case.
  func mayContain(_ host: Substring.UTF8View) -> Bool {
    names.contains { name in
      host.count >= name.utf8.count && host.suffix(name.utf8.count).matches(name.utf8)
    }
  }

  /// - Parameter host: in lower case.
  func contains(_ host: String) -> Bool {
    names.contains { host == $0 || host.hasSuffix(".\($0)") }
  }
}

extension Substring.UTF8View {
  /// Whether these are the same bytes, in any case of ASCII letters.
  func matches(_ other: some Sequence<UInt8>) -> Bool {
    elementsEqual(other) { $0.lowercased == $1.lowercased }
  }
}
