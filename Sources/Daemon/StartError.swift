package import EventLoop
internal import Glibc
package import Store
package import System
package import TLS

/// Why the daemon does not start: the setting that is concerned, the cause, the fix.
package enum StartError: Error, Sendable, CustomStringConvertible {
  case store(StoreError)
  case listen(variable: String, String, SystemError)
  /// systemd has no socket of this name for us.
  case notHandedOver(variable: String, name: String, available: [String])
  /// The jobs API would listen beyond this machine on a socket that was handed over, without tokens.
  case openToOthers(SocketAddress)
  case tls(variable: String, path: String, TLSConfigurationError)
  case system(SystemError)
  case noHMAC
  /// - Parameter mayPass: the provider could not be reached, or had no time: the same start may succeed later.
  case secretNotFetched(String, mayPass: Bool)
  case provider(String)

  /// No setting is wrong: a service manager is to start the daemon again.
  package var mayPass: Bool {
    if case .secretNotFetched(_, mayPass: true) = self { true } else { false }
  }

  /// Something listens there already.
  package var isAddressInUse: Bool {
    if case .listen(_, _, let error) = self { error.number == EADDRINUSE } else { false }
  }

  private static func remedy(for number: Int32) -> String {
    switch number {
    case ENOTSOCK: "the file there is no socket: move it away, or choose another path"
    case ENOENT, ENOTDIR: "check that its folder exists"
    case EACCES, EPERM, EROFS:
      "check that its folder may be written, and leave ports below 1024 to systemd's .socket unit"
    case EADDRNOTAVAIL: "choose an address that this machine has"
    default: "end what listens there, or choose another address"
    }
  }

  package var description: String {
    switch self {
    case .store(let error): "DATABASE_URL: \(error)"
    case .listen(let variable, let address, let error):
      "\(variable): cannot listen on \(address) (\(error)): \(Self.remedy(for: error.number))"
    case .notHandedOver(let variable, let name, let available):
      "\(variable): systemd handed over no socket named \(name)"
        + (available.isEmpty ? "" : ", but \(available.joined(separator: ", "))")
        + ": enable the .socket unit with FileDescriptorName=\(name), and start the service through it"
    case .openToOthers(let address):
      "API_TOKENS: the jobs API was handed \(address), which is reached from beyond this machine: set a token"
    case .tls(let variable, let path, let error): "\(variable): \(path): \(error)"
    case .system(let error): "the system refused what the daemon needs: \(error)"
    case .secretNotFetched(let reason, _):
      "REPLICATE_WEBHOOK_SECRET is not set and could not be fetched with REPLICATE_API_TOKEN: \(reason)"
    case .provider(let reason): "calls to REPLICATE_API_URL cannot be made: \(reason)"
    case .noHMAC: "OpenSSL offers no HMAC-SHA256: check its configuration and providers"
    }
  }
}
