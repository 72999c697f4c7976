import Glibc
import StandardWebhooks

/// The measured receiver: its endpoints, secret and, if known, process.
struct Receiver {
  let webhooks: Endpoint
  /// The webhooks of receivers with the same store.
  let others: [Endpoint]
  let api: Endpoint?
  let secret: Secret
  let process: pid_t?
  /// Keeps our own daemon running.
  private let daemon: DaemonProcess?
  private let token: String?

  /// The receiver named with --url.
  init(_ options: BenchmarkOptions, url: String) throws {
    webhooks = try Endpoint(url, defaultPath: "/webhooks/replicate")
    others = try options.otherUrl.map { try Endpoint($0, defaultPath: "/webhooks/replicate") }
    api = try options.api.map { try Endpoint($0) }
    secret = try options.receiverSecret()
    process = options.pid
    daemon = nil
    let tokens = getenv("API_TOKENS").map { String(cString: $0) } ?? ""
    token = tokens.split { $0.isWhitespace || $0 == "," }.first.map(String.init)
  }

  /// Our own daemon.
  init(_ daemon: DaemonProcess, secret: Secret, isTLS: Bool) throws {
    webhooks = try Endpoint(
      "\(isTLS ? "https" : "http")://127.0.0.1:\(daemon.webhookPort)/webhooks/replicate")
    others = []
    api = try Endpoint("http://127.0.0.2:\(daemon.apiPort)")
    self.secret = secret
    self.daemon = daemon
    process = daemon.id
    token = nil
  }

  /// The jobs API.
  ///
  /// - Throws: if the receiver has none; options that need it require --api.
  func requireAPI() throws -> Endpoint {
    guard let api else { throw Failure("give the URL of the receiver's jobs API with --api", .configuration) }
    return api
  }

  /// A complete request to the jobs API.
  func apiRequest(_ path: String) throws -> String { try apiRequestHead("GET", path) + "\r\n" }

  /// A request's head without the empty line.
  func apiRequestHead(_ method: String, _ path: String) throws -> String {
    let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
    return "\(method) \(path) HTTP/1.1\r\nHost: \(try requireAPI().hostField)\r\n\(authorization)"
  }
}
