import Conformance
import EventLoop
import HTTPServer
import HTTPWire
import Routing
import System
import Testing

/// A server of this process, whose two routes stream what they receive and send.
final class StreamingServer: Sendable {
  @TaskLocal static var current: StreamingServer?

  static let (getTarget, postTarget) = ("/streamed", "/uploads")

  let port: Int
  let runner: Runner
  /// By name.
  let cases: [String: PreparedCase]
  private let loop: EventLoop
  private let server: Server
  private let thread: Thread

  /// - Parameter bodyLimit: that of the route, as whole bodies have one of the server.
  init(bodyLimit: Int) throws {
    let kernel = try LinuxKernel()
    let listener = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 0), mode: nil, backlog: 128)
    guard case .ipv4(_, let port) = listener.bound else { throw NoPort() }
    let loop = EventLoop(kernel: kernel)
    let server = Server(
      loop: loop, limits: ServerLimits(), handler: try StreamingHandler(bodyLimit: bodyLimit))
    loop.start {
      do throws(SystemError) {
        _ = try await server.run(listeningOn: [ServerSocket(descriptor: listener.descriptor)])
      } catch { Issue.record(error) }
      loop.stop()
    }
    (self.port, self.loop, self.server) = (Int(port), loop, server)
    let site = StreamingServerTests.site(port: Int(port))
    let runner = Runner(site: site, timeout: .seconds(20))
    let prepared = Suite.cases(for: site).compactMap { runner.prepare($0) }
    cases = Dictionary(prepared.map { ($0.item.id, $0) }) { first, _ in first }
    self.runner = runner
    thread = try Thread(named: "streaming") { loop.run() }
  }

  private struct NoPort: Error {}

  func stop() {
    loop.start { [server] in await server.abort() }
    thread.join()
  }
}

private final class StreamingHandler: RequestHandler, RefusalHandler {
  private let routes: RouteTable

  init(bodyLimit: Int) throws {
    routes = try RouteTable([
      Route(.get, "/streamed", name: "s", summary: "Streams some text.", access: .open) { _ in
        .stream(ResponseHead(status: .ok)) { writer throws(StreamFailure) in
          for word in ["one ", "two ", "three"] {
            try await writer.write(Array(word.utf8))
            try await writer.flush()
          }
        }
      },
      Route(
        .post, "/uploads", name: "u", summary: "Streams its body back.", access: .open,
        maxBodyBytes: bodyLimit
      ) { stream throws(StreamFailure) in
        var pieces: [[UInt8]] = []
        while let piece = try await stream.request.body.read() { pieces.append(piece) }
        return .stream(ResponseHead(status: .ok)) { [pieces] writer throws(StreamFailure) in
          for piece in pieces { try await writer.write(piece) }
        }
      },
      Route(
        .post, "/refusals/{id}", name: "r", summary: "Refuses its body.", access: .open,
        maxBodyBytes: bodyLimit
      ) { stream throws(StreamFailure) in
        while let _ = try await stream.request.body.read() {}
        return stream.refuse(Problem(.conflict, .conflict, "\(stream.path["id"]) is taken"))
      },
    ])
  }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    routes.admit(head, from: peer, refusals: self)
  }

  func refuse(
    _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
  ) -> Response { problem.response }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response { Problem(refusal).response }

  func observe(_ event: ConnectionEvent) {}
}
