package import EventLoop
internal import Glibc
package import StoreSeam
package import Routing
internal import SQLite
internal import SQLiteStore
package import System
package import TLS

/// A failed start: its setting, its cause and its remedy.
package enum StartError: Error, Sendable, CustomStringConvertible {
  case store(StorageError)
  /// A database server does not answer, or takes no commits now.
  case serverUnavailable(String)
  case listen(variable: String, String, SystemError)
  /// systemd passed no socket of this name.
  case socketNotPassed(variable: String, name: String, available: [String])
  /// Without tokens, systemd passed the jobs API a socket that other machines reach.
  case openToOthers(SocketAddress)
  case tls(variable: String, path: String, TLSConfigurationError)
  case system(SystemError)
  case noHMAC
  /// - Parameter mayPass: whether the provider did not answer, so that the same start may succeed later.
  case secretNotFetched(String, mayPass: Bool)
  case provider(String)
  /// Two routes of one listener have the same method and path: an error of the program.
  case route(DuplicateRoute)

  /// Whether a later start may succeed with the same settings, so that a service manager should retry.
  package var mayPass: Bool {
    switch self {
    case .secretNotFetched(_, let mayPass): mayPass
    case .serverUnavailable: true
    default: false
    }
  }

  /// Whether another socket listens at the address already.
  package var isAddressInUse: Bool {
    if case .listen(_, _, let error) = self { error.number == EADDRINUSE } else { false }
  }

  /// Runs `body`, and converts its errors.
  static func converting<Value>(_ body: () throws -> Value) throws(StartError) -> Value {
    do {
      return try body()
    } catch let error as StartError {
      throw error
    } catch let error as StorageError {
      throw .store(error)
    } catch let error as DatabaseError {
      throw .store(StorageError(error))
    } catch let error as SystemError {
      throw .system(error)
    } catch {
      throw .provider("\(error)")
    }
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
    case .serverUnavailable(let text):
      "DATABASE_URL: \(text): check the server, and that the URL names all hosts that may be the primary"
    case .listen(let variable, let address, let error):
      "\(variable): cannot listen on \(address) (\(error)): \(Self.remedy(for: error.number))"
    case .socketNotPassed(let variable, let name, let available):
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
    case .route(let error): "the routes contradict each other: \(error); report this as a bug"
    case .noHMAC: "OpenSSL offers no HMAC-SHA256: check its configuration and providers"
    }
  }
}
