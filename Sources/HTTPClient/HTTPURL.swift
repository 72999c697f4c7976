package import ClientAddress

/// An `http` or `https` URL that others may have written, parsed strictly.
///
/// Where two parsers disagree about a URL's host, one host passes the check and another is called. So a host
/// is accepted only in its plain spelling, and only if libcurl reads the same one.
package struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
  package enum Host: Hashable, Sendable {
    /// In lower case, without a trailing dot.
    case name(String)
    case address(IPAddress)
  }

  /// The reason a text is not accepted.
  package enum ParseError: Error, Hashable, Sendable, CustomStringConvertible {
    case scheme
    case tooLong
    case characters
    case user
    case fragment
    case host
    case port

    /// The fix.
    package var description: String {
      switch self {
      case .scheme: "write https:// or http://, and a host behind it"
      case .tooLong: "write at most \(HTTPURL.maxBytes) bytes"
      case .characters:
        "write visible ASCII without quotes, backslashes and braces: others percent-encoded, "
          + "and a host in its xn-- form"
      case .user: "leave out the user and the password: a signature shows who sends the request"
      case .fragment: "leave out the # and all behind it, which no request sends"
      case .host:
        "write the host as a name without a trailing dot, as four decimal numbers such as 192.0.2.1, "
          + "or as an IPv6 address in brackets without a zone"
      case .port: "write the port as a number from 1 to 65535"
      }
    }
  }

  package static let maxBytes = 2048
  private static let maxNameBytes = 253

  package let text: String
  package let isSecure: Bool
  package let host: Host
  /// Nil if the URL has none, and so means that of its scheme.
  package let port: Int?

  package var description: String { text }

  package init(_ text: String, maxBytes: Int = maxBytes) throws(ParseError) {
    guard text.utf8.count <= maxBytes else { throw .tooLong }
    let start = text.prefix("https://".count).lowercased()
    guard start.hasPrefix("http://") || start == "https://" else { throw .scheme }
    isSecure = start == "https://"
    // Some parsers read a backslash as a slash, and some end a URL at a space or a control.
    guard text.utf8.allSatisfy(Self.isAllowed) else { throw .characters }
    guard !text.utf8.contains(UInt8(ascii: "#")) else { throw .fragment }
    let authority = text.dropFirst(isSecure ? "https://".count : "http://".count).prefix {
      !"/?".contains($0)
    }
    guard !authority.contains("@") else { throw .user }
    let (name, port) = try Self.split(authority.lowercased())
    guard let host = Self.host(name) else { throw .host }
    guard let parsed = ParsedURL(text), !parsed.hasUser, parsed.port == port,
      parsed.scheme == (isSecure ? "https" : "http"), try Self.isSame(parsed.host, host)
    else { throw .host }
    self.host = host
    self.port = port
    self.text = text
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
      UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
      false
    default: (0x21...0x7E).contains(byte)
    }
  }

  private static func isOfLabel(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// Whether libcurl reads the same host.
  private static func isSame(_ parsed: String, _ host: Host) throws(ParseError) -> Bool {
    switch host {
    case .name(let name): parsed == name
    // Of IPv6 addresses, libcurl keeps the spelling or shortens it.
    case .address: Self.host(parsed) == host
    }
  }

  private static func split(_ authority: String) throws(ParseError) -> (host: String, port: Int?) {
    let end =
      if authority.hasPrefix("[") {
        authority.firstIndex(of: "]").map(authority.index(after:)) ?? authority.endIndex
      } else {
        authority.firstIndex(of: ":") ?? authority.endIndex
      }
    let rest = authority[end...]
    guard !rest.isEmpty else { return (authority, nil) }
    guard rest.hasPrefix(":") else { throw .host }
    let digits = rest.dropFirst()
    guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = Int(digits), (1...65_535).contains(port)
    else { throw .port }
    return (String(authority[..<end]), port)
  }

  private static func host(_ text: String) -> Host? {
    if text.hasPrefix("["), text.hasSuffix("]") {
      let inner = String(text.dropFirst().dropLast())
      guard inner.contains(":"), let address = IPAddress(inner) else { return nil }
      return .address(address)
    }
    if let address = IPAddress(text), address.isIPv4 { return .address(address) }
    return isName(text) ? .name(text) : nil
  }

  /// Whether `text` is a host name in lower case (RFC 1123 section 2.1), which may have underscores.
  ///
  /// A last label that starts with a digit is none of a name: `127.1`, `0x7f.1` and `2130706433` are
  /// addresses to many resolvers.
  static func isName(_ text: String) -> Bool {
    guard text.utf8.count <= maxNameBytes else { return false }
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard let last = labels.last?.first, !(0x30...0x39).contains(last) else { return false }
    return labels.allSatisfy { label in
      (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        && label.allSatisfy(isOfLabel)
    }
  }
}
