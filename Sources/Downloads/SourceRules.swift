internal import Bytes
internal import ClientAddress
internal import HTTPClient

/// A file that an output names.
package enum Source: Hashable, Sendable {
  case url(SourceURL)
  /// A `data:` URI (RFC 2397).
  case data(String)
}

/// A URL that passed ``SourceRules``.
package struct SourceURL: Hashable, Sendable {
  /// As it is sent: without a fragment, and other than visible ASCII percent-encoded.
  package var text: String { url.text }
  let url: HTTPURL

  /// The host, with the port if the URL has one.
  var authority: String {
    text.dropFirst(url.isSecure ? "https://".count : "http://".count).prefix { !"/?".contains($0) }
      .lowercased()
  }
}

/// The URLs that files are fetched from.
///
/// A model's author decides the strings of an output, and Replicate signs the webhook, not their truth. So a
/// string is a URL to fetch only if it names a host where outputs are kept.
package struct SourceRules: Sendable {
  /// Of a URL as an output has it, in bytes.
  package static let maxBytes = 8 << 10
  /// Percent-encoding triples a byte.
  private static let maxEncodedBytes = 3 * maxBytes
  private static let maxDataHeaderBytes = 256

  private let hosts: SourceHosts
  /// The origin of an API on this machine, which serves outputs as well.
  private let origin: HTTPURL?
  private let originStart: Substring.UTF8View?
  private let isProxied: Bool

  /// - Parameters:
  ///   - apiURL: of Replicate's API. If it names this machine, files of exactly its origin are fetched too.
  ///   - isProxied: whether the environment names a proxy for https. The proxy then resolves the hosts, and
  ///     their addresses are its to check.
  package init(hosts: SourceHosts = .replicate, apiURL: String? = nil, isProxied: Bool = false) {
    self.hosts = hosts
    self.isProxied = isProxied
    origin = apiURL.flatMap { try? HTTPURL($0) }.flatMap { Self.isLoopback($0.host) ? $0 : nil }
    originStart = origin.map { Self.start(ofAuthorityIn: $0.text) }
  }

  /// The file that a string of an output names; nil if the string is text.
  package func source(_ text: String) -> Source? {
    if let url = url(text) { return .url(url) }
    return Self.isData(text) ? .data(text) : nil
  }

  /// Nil unless `text` is a URL that may be fetched.
  func url(_ text: String) -> SourceURL? {
    guard text.utf8.count <= Self.maxBytes, mayBeAllowed(text), let encoded = Self.encoded(text),
      let url = try? HTTPURL(encoded, maxBytes: Self.maxEncodedBytes), isAllowed(url)
    else { return nil }
    return SourceURL(url: url)
  }

  /// Whether the host may be an allowed one, by its spelling alone.
  ///
  /// Outputs name many URLs of other hosts, and to parse one takes a hundred times as long.
  private func mayBeAllowed(_ text: String) -> Bool {
    let host = Self.start(ofAuthorityIn: text)
    return hosts.mayContain(host) || originStart.map { host.matches($0) } ?? false
  }

  /// The authority up to its first colon: the host, unless that is an IPv6 address.
  private static func start(ofAuthorityIn text: String) -> Substring.UTF8View {
    let bytes = text.utf8
    return bytes[(bytes.firstIndex(of: UInt8(ascii: "/")) ?? bytes.endIndex)...].dropFirst(2).prefix { byte in
      byte != UInt8(ascii: "/") && byte != UInt8(ascii: ":") && byte != UInt8(ascii: "?")
        && byte != UInt8(ascii: "#")
    }
  }

  private func isAllowed(_ url: HTTPURL) -> Bool {
    if isOfOrigin(url) { return true }
    guard case .name(let name) = url.host, url.isSecure, url.port == nil || url.port == 443 else {
      return false
    }
    return hosts.contains(name)
  }

  private func isOfOrigin(_ url: HTTPURL) -> Bool {
    origin.map { Self.origin(of: $0) == Self.origin(of: url) } ?? false
  }

  /// The scheme, the host as it is written, and the port.
  private static func origin(of url: HTTPURL) -> String {
    let authority = SourceURL(url: url).authority
    let host =
      url.port == nil ? authority[...] : authority[..<(authority.lastIndex(of: ":") ?? authority.endIndex)]
    return "\(url.isSecure ? "https" : "http")://\(host):\(url.port ?? (url.isSecure ? 443 : 80))"
  }

  /// The addresses that a request to `url` may connect to.
  func addresses(for url: SourceURL) -> AddressPolicy {
    if isOfOrigin(url.url) { return .only(Self.loopback) }
    return isProxied ? .everyAddress : .publicAddresses()
  }

  private static let loopback = ["127.0.0.0/8", "::1/128"].compactMap { try? AddressRange(parsing: $0) }

  private static func isLoopback(_ host: HTTPURL.Host) -> Bool {
    switch host {
    // RFC 6761 section 6.3: names below localhost are loopback names too.
    case .name(let name): name == "localhost" || name.hasSuffix(".localhost")
    case .address(let address): address.specialUse == .loopback
    }
  }

  /// Without the fragment, and with a path and query of visible ASCII.
  ///
  /// Nil for what parsers read in different ways: controls, spaces, backslashes, and any of these bytes in
  /// the host.
  private static func encoded(_ text: String) -> String? {
    let bytes = Array(text.utf8.prefix { $0 != UInt8(ascii: "#") })
    guard let start = bytes.firstIndex(of: UInt8(ascii: "/")) else { return nil }
    let end =
      bytes.dropFirst(start + 2).firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
      ?? bytes.endIndex
    var encoded = Array(bytes[..<end])
    for byte in bytes[end...] {
      switch byte {
      case 0...0x20, 0x7F, .backslash: return nil
      case 0x80..., .quote, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "^"), UInt8(ascii: "`"),
        UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
        encoded += PercentEncoding.escape(byte)
      default: encoded.append(byte)
      }
    }
    return String(validating: encoded, as: UTF8.self)
  }

  /// Whether `text` starts as a `data:` URI does, with a comma behind its media type.
  ///
  /// Text such as `data: none` is no URI. What follows the comma is not checked here: a broken one is an
  /// error that is shown.
  private static func isData(_ text: String) -> Bool {
    let bytes = text.utf8
    guard bytes.prefix(5).elementsEqual("data:".utf8, by: { $0.lowercased == $1 }) else { return false }
    let header = bytes.dropFirst(5).prefix(maxDataHeaderBytes + 1)
    guard let comma = header.firstIndex(of: UInt8(ascii: ",")) else { return false }
    let type = header[..<comma]
    return type.allSatisfy(\.isVisible)
      && (type.isEmpty || type.first == UInt8(ascii: ";") || type.contains(UInt8(ascii: "/")))
  }
}
