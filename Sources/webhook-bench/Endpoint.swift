import Glibc

/// A URL's parts and the socket address of its host.
struct Endpoint {
  let isTLS: Bool
  let host: String
  let port: Int
  let path: String
  let family: Int32
  private let address: [UInt8]

  /// Parses an http or https URL and resolves its host.
  ///
  /// Such as `http://127.0.0.1:8080/webhooks/replicate`.
  init(_ url: String, defaultPath: String = "/") throws {
    let wrong = Failure(
      "\(url) is not a URL such as http://127.0.0.1:8080/webhooks/replicate", .configuration)
    let rest: Substring
    if url.hasPrefix("http://") {
      (isTLS, rest) = (false, url.dropFirst("http://".count))
    } else if url.hasPrefix("https://") {
      (isTLS, rest) = (true, url.dropFirst("https://".count))
    } else {
      throw wrong
    }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let authority = rest[..<slash]
    path = slash == rest.endIndex ? defaultPath : String(rest[slash...])
    let colon = authority.lastIndex { $0 == ":" || $0 == "]" }
    if let colon, authority[colon] == ":" {
      guard let number = Int(authority[authority.index(after: colon)...]), (1...65535).contains(number) else {
        throw wrong
      }
      (host, port) = (String(authority[..<colon]), number)
    } else {
      (host, port) = (String(authority), isTLS ? 443 : 80)
    }
    guard !host.isEmpty, path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw wrong }
    (family, address) = try Self.resolve(host, port)
  }

  /// The value of the Host field.
  var hostField: String { "\(host):\(port)" }

  func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    // A copy with the alignment of socket addresses.
    var storage = sockaddr_storage()
    withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: address) }
    return withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(address.count)) }
    }
  }

  private static func resolve(_ host: String, _ port: Int) throws -> (Int32, [UInt8]) {
    let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(name, String(port), &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard result == 0, let first = found?.pointee, let address = first.ai_addr else {
      throw Failure("\(host) has no address: \(String(cString: gai_strerror(result)))", .unavailable)
    }
    return (first.ai_family, Array(UnsafeRawBufferPointer(start: address, count: Int(first.ai_addrlen))))
  }
}
