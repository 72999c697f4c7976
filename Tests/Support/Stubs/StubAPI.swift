package import EventLoop
internal import HTTPServer
package import HTTPWire
internal import LiveDaemon
internal import System
package import TLS

/// A request that the stub received.
package struct StubRequest: Sendable {
  /// Method and target.
  package let line: String
  /// The segments of its path.
  package let path: [String]
  package let fields: [String: String]
  package let body: String
}

/// An HTTP API with canned answers, in this process.
package final class StubAPI {
  private let loop: EventLoop
  private let thread: Thread
  private let store = Guarded<[StubRequest]>([])
  package let url: String

  /// - Parameters:
  ///   - tls: the context of an https server; nil for plain http.
  ///   - answer: receives the request, and how many requests with the same line came before.
  package init(
    on address: SocketAddress = .ipv4(host: "127.0.0.1", port: 0), tls: TLSContext? = nil,
    _ answer: @escaping @Sendable (StubRequest, Int) -> Response
  ) throws {
    let kernel = try LinuxKernel()
    let (descriptor, address) = try kernel.listen(on: address, mode: nil, backlog: 64)
    let loop = EventLoop(kernel: kernel)
    let handler = StubHandler(store: store, answer: answer)
    let server = Server(loop: loop, limits: ServerLimits(), handler: handler, tls: tls)
    let socket = ServerSocket(descriptor: descriptor, usesTLS: tls != nil)
    loop.start { _ = try? await server.run(listeningOn: [socket]) }
    self.loop = loop
    thread = try Thread(named: "stub") { loop.run() }
    url = (tls == nil ? "http" : "https") + "://\(address)"
  }

  deinit {
    loop.stop()
    thread.join()
  }

  package var requests: [StubRequest] { store.withLock { $0 } }
  package var lines: [String] { requests.map(\.line) }
}

private final class StubHandler: RequestHandler {
  private let store: Guarded<[StubRequest]>
  private let answer: @Sendable (StubRequest, Int) -> Response

  init(store: Guarded<[StubRequest]>, answer: @escaping @Sendable (StubRequest, Int) -> Response) {
    self.store = store
    self.answer = answer
  }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    .receive(maxBodyBytes: 8 * 1024 * 1024, respond: respond)
  }

  func respond(to request: Request) async -> Response {
    let head = request.head
    let names = [
      "if-none-match", "idempotency-key", "content-type", "authorization", "webhook-id", "webhook-timestamp",
      "webhook-signature",
    ]
    let fields = names.compactMap { name in head.fields.first(name).map { (name, $0) } }
    let path = head.target.segments
    let query = (head.target.queryParameters ?? []).map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    let request = StubRequest(
      line: "\(head.method.name) /\(path.joined(separator: "/"))" + (query.isEmpty ? "" : "?\(query)"),
      path: path,
      fields: Dictionary(uniqueKeysWithValues: fields),
      body: String(decoding: request.body, as: UTF8.self))
    let before = store.withLock { list in
      defer { list.append(request) }
      return list.count { $0.line == request.line }
    }
    return answer(request, before)
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response { Response(status: .badRequest) }

  func observe(_ event: ConnectionEvent) {}
}

extension Response {
  package static func json(_ text: String, _ status: Status = .ok) -> Response {
    Response(status: status, fields: [("Content-Type", "application/json")], body: Array(text.utf8))
  }

  package static func problem(_ status: Status, _ code: String) -> Response {
    json(#"{"status":\#(status.code),"code":"\#(code)","detail":"the detail"}"#, status)
  }
}
