internal import Glibc
internal import System
internal import Time

/// Names of hosts and their addresses, resolved within a deadline.
///
/// libpq resolves them inside PQconnectPoll with getaddrinfo(3), which blocks as long as the resolver likes.
enum HostAddresses {
  private typealias Resolution = OneShot<Result<[String], PostgreSQLError>>

  /// One thread a name, however often it is requested meanwhile.
  private static let pending = Lock<[String: Resolution]>([:])
  private static let maxAddresses = 16

  /// The numeric addresses of `name`, the preferred ones first.
  static func resolve(_ name: String, deadline: MonotonicTime) throws(PostgreSQLError) -> [String] {
    if isNumeric(name) { return [name] }
    let (resolution, isNew) = pending.withLock { pending in
      if let resolution = pending[name] { return (resolution, false) }
      let resolution = Resolution()
      pending[name] = resolution
      return (resolution, true)
    }
    if isNew {
      do throws(SystemError) {
        _ = try Thread(named: "resolver") {
          resolution.set(lookUp(name))
          pending.withLock { $0[name] = nil }
        }
      } catch {
        resolution.set(.failure(.connection("could not resolve \(name): \(error)")))
        pending.withLock { $0[name] = nil }
      }
    }
    guard let result = resolution.wait(timeout: deadline - MonotonicClock.now) else {
      throw .connection("could not resolve \(name) in time")
    }
    return try result.get()
  }

  private static func isNumeric(_ name: String) -> Bool {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &list) == 0 else { return false }
    freeaddrinfo(list)
    return true
  }

  private static func lookUp(_ name: String) -> Result<[String], PostgreSQLError> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(name, nil, &hints, &list)
    guard code == 0 else {
      return .failure(.connection("could not resolve \(name): \(String(cString: gai_strerror(code)))"))
    }
    defer { freeaddrinfo(list) }
    var addresses: [String] = []
    var entry = list
    while let address = entry, addresses.count < maxAddresses {
      if let text = text(of: address.pointee) { addresses.append(text) }
      entry = address.pointee.ai_next
    }
    return .success(addresses)
  }

  private static func text(of entry: addrinfo) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
      guard let start = buffer.baseAddress,
        getnameinfo(
          entry.ai_addr, entry.ai_addrlen, start, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
      else { return nil }
      return String(cString: start)
    }
  }
}
