internal import HTTPClient
internal import System

/// HTTP clients with their connections, each used by one thread at a time.
final class ClientPool: Sendable {
  private let idle = Lock<[BlockingHTTPClient]>([])
  private let usesProxy: Bool

  init(usesProxy: Bool) {
    self.usesProxy = usesProxy
  }

  /// Sends a request over a client that was used last, or a new one.
  func send(
    _ request: HTTPClientRequest, isCanceled: @escaping () -> Bool
  ) throws(HTTPClientError) -> HTTPClientResponse {
    let client: BlockingHTTPClient
    if let last = idle.withLock({ $0.popLast() }) {
      client = last
    } else {
      client = try BlockingHTTPClient(usesProxy: usesProxy)
    }
    defer { idle.withLock { $0.append(client) } }
    return try client.send(request, isCanceled: isCanceled)
  }
}
