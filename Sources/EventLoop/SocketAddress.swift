internal import CLinux
internal import Glibc

/// The address of a listener or of a peer.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
  case ipv4(host: String, port: UInt16)
  /// `host` without brackets.
  case ipv6(host: String, port: UInt16)
  case unix(path: String)

  /// Parses `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `*:8080` (every IPv4 address) or `unix:/path`.
  ///
  /// Names other than `localhost` are rejected, because a listener must not depend on a name server.
  package init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst("unix:".count))
      guard path.hasPrefix("/"), path.utf8.count <= Self.maxUnixPathBytes else { return nil }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
      return nil
    }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      let inner = String(host.dropFirst().dropLast())
      guard Self.isIPv6(inner) else { return nil }
      self = .ipv6(host: inner, port: port)
    } else {
      let named = host == "localhost" ? "127.0.0.1" : host == "*" ? "0.0.0.0" : String(host)
      guard Self.isIPv4(named) else { return nil }
      self = .ipv4(host: named, port: port)
    }
  }

  /// Whether only processes of this machine can reach it.
  package var isLoopback: Bool {
    switch self {
    case .ipv4(let host, _): host.hasPrefix("127.")
    case .ipv6(let host, _): host == "::1" || host.hasPrefix("::ffff:127.")
    case .unix: true
    }
  }

  package var port: UInt16? {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port): port
    case .unix: nil
    }
  }

  package var description: String {
    switch self {
    case .ipv4(let host, let port): "\(host):\(port)"
    case .ipv6(let host, let port): "[\(host)]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// unix(7): `sun_path` has 108 bytes, the last of them a NUL.
  private static let maxUnixPathBytes = 107

  private static func port(_ text: Substring) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return UInt16(text)
  }

  private static func isIPv4(_ host: String) -> Bool {
    var address = in_addr()
    return inet_pton(AF_INET, host, &address) == 1
  }

  private static func isIPv6(_ host: String) -> Bool {
    var address = in6_addr()
    return inet_pton(AF_INET6, host, &address) == 1
  }
}

extension SocketAddress {
  /// Calls `body` with the address as a `sockaddr`.
  func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var storage = sockaddr_storage()
    return withUnsafeMutableBytes(of: &storage) { bytes in
      let length: Int
      switch self {
      case .ipv4(let host, let port):
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        bytes.storeBytes(of: address, as: sockaddr_in.self)
        length = MemoryLayout<sockaddr_in>.size
      case .ipv6(let host, let port):
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        inet_pton(AF_INET6, host, &address.sin6_addr)
        bytes.storeBytes(of: address, as: sockaddr_in6.self)
        length = MemoryLayout<sockaddr_in6>.size
      case .unix(let path):
        bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
        let offset = MemoryLayout<sa_family_t>.size
        for (index, byte) in path.utf8.prefix(Self.maxUnixPathBytes).enumerated() {
          bytes[offset + index] = byte
        }
        length = offset + min(path.utf8.count, Self.maxUnixPathBytes) + 1
      }
      let start = UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: sockaddr.self)
      return body(start, socklen_t(length))
    }
  }

  /// The bound address of `descriptor`; nil if it is no socket of these families.
  init?(ofSocket descriptor: Int32) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutableBytes(of: &storage) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { getsockname(descriptor, $0.baseAddress, &length) }
    }
    guard result == 0, [AF_INET, AF_INET6, AF_UNIX].contains(Int32(storage.ss_family)) else { return nil }
    self.init(storage)
  }

  /// Converts an address filled by accept(2) or getsockname(2).
  ///
  /// A peer on a unix socket has no path.
  init(_ storage: sockaddr_storage) {
    self = withUnsafeBytes(of: storage) { bytes in
      switch Int32(bytes.load(as: sa_family_t.self)) {
      case AF_INET:
        var address = bytes.load(as: sockaddr_in.self)
        return .ipv4(
          host: Self.text(AF_INET, &address.sin_addr), port: UInt16(bigEndian: address.sin_port))
      case AF_INET6:
        var address = bytes.load(as: sockaddr_in6.self)
        return .ipv6(
          host: Self.text(AF_INET6, &address.sin6_addr), port: UInt16(bigEndian: address.sin6_port))
      default:
        // What follows the family is the path and a NUL, or nothing.
        let path = bytes.dropFirst(MemoryLayout<sa_family_t>.size).prefix(Self.maxUnixPathBytes).prefix {
          $0 != 0
        }
        return .unix(path: String(decoding: path, as: UTF8.self))
      }
    }
  }

  private static func text(_ family: Int32, _ address: UnsafeRawPointer) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      guard let start = buffer.baseAddress,
        inet_ntop(family, address, start, socklen_t(buffer.count)) != nil
      else { return "" }
      return String(cString: start)
    }
  }
}
