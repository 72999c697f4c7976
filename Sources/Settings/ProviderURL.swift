internal import ClientAddress
internal import EventLoop
internal import HTTPWire

/// The URL of a place that predictions are asked for at, or that their webhooks reach.
package struct ProviderURL: Equatable, Sendable {
  /// Without a slash at its end.
  package let text: String
  /// The name or address, without a port.
  package let host: String
  package let path: String

  /// Reads `https://host[:port][/path]`; `http` where the host is this machine's loopback, for a stand-in. Nil for anything
  /// else: a user, a query or a fragment has no meaning here.
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
      guard port.hasPrefix(":"), let number = SettingValue.number(port.dropFirst()),
        (1...65_535).contains(number)
      else { return nil }
    }
    return String(host)
  }

  /// Letters, digits, hyphens, underscores and dots, or an IPv6 address in brackets: what else RFC 3986 section 3.2.2 allows
  /// in a name is in none that anybody has.
  private static func isHost(_ text: Substring) -> Bool {
    if text.hasPrefix("[") {
      let address = text.dropFirst().dropLast()
      // An IPv4 address has no brackets.
      return address.contains(":") && IPAddress(String(address)) != nil
    }
    return !text.isEmpty
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || "-_.".utf8.contains($0)
      }
  }
}
