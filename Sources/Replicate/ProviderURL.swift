internal import Bytes
internal import ClientAddress

/// A base URL: of the provider's API, or of the webhooks it sends.
package struct ProviderURL: Equatable, Sendable {
  /// The URL without a trailing slash.
  package let text: String
  /// The name or address, without a port.
  package let host: String
  package let path: String

  /// Parses `https://host[:port][/path]`; nil for anything else.
  ///
  /// The scheme may be `http` if the host is a loopback name, because a simulator has no certificate. A user,
  /// a query or a fragment has no meaning here.
  package init?(_ text: String) {
    let isSecure = text.hasPrefix("https://")
    guard isSecure || text.hasPrefix("http://"), text.utf8.count <= 1024,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !#"@?#\"<>^`{|}"#.utf8.contains($0) })
    else { return nil }
    let rest = text.dropFirst(isSecure ? "https://".count : "http://".count)
    let authority = rest.prefix { $0 != "/" }
    guard let host = Self.host(of: authority), isSecure || LoopbackName.isNamed(by: String(authority)) else {
      return nil
    }
    var path = rest.dropFirst(authority.count)
    while path.hasSuffix("/") { path = path.dropLast() }
    self.host = host
    self.path = String(path)
    self.text = (isSecure ? "https://" : "http://") + authority + path
  }

  private static func host(of authority: Substring) -> String? {
    let host: Substring
    var port = Substring()
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      host = authority[...end]
      port = authority[authority.index(after: end)...]
    } else {
      host = authority.prefix { $0 != ":" }
      port = authority.dropFirst(host.count)
    }
    guard isHost(host) else { return nil }
    if !port.isEmpty {
      let digits = port.dropFirst()
      guard port.hasPrefix(":"), digits.utf8.allSatisfy(\.isDigit), let number = Int(digits),
        (1...65_535).contains(number)
      else { return nil }
    }
    return String(host)
  }

  /// Whether `text` is a host name, an IPv4 address, or an IPv6 address in brackets.
  ///
  /// A name has letters, digits, hyphens, underscores and dots. RFC 3986 section 3.2.2 allows more, which no
  /// real name has.
  private static func isHost(_ text: Substring) -> Bool {
    if text.hasPrefix("[") {
      let address = text.dropFirst().dropLast()
      // An IPv4 address has no brackets.
      return address.contains(":") && IPAddress(String(address)) != nil
    }
    return !text.isEmpty
      && text.utf8.allSatisfy { $0.isAlphanumeric || "-_.".utf8.contains($0) }
  }
}
