package import EventLoop
package import Store

/// Why the daemon does not start: the setting that is concerned, the cause, the fix.
package enum StartError: Error, Sendable, CustomStringConvertible {
  case store(StoreError)
  case listen(variable: String, SocketAddress, SystemError)
  case system(SystemError)
  case noHMAC

  package var description: String {
    switch self {
    case .store(let error): "DATABASE_URL: \(error)"
    case .listen(let variable, let address, let error):
      "\(variable): cannot listen on \(address) (\(error)): end what listens there, or choose another address"
    case .system(let error): "the system refused what the daemon needs: \(error)"
    case .noHMAC: "OpenSSL offers no HMAC-SHA256: check its configuration and providers"
    }
  }
}
