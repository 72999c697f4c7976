import EventLoop
import HTTPServer
import HTTPWire
import Simulation

/// Echoes every request's body after as many turns as its path names.
///
/// `/2` waits two turns, `/slow` takes 50 ms of processor time, `/large` has a large response. A field names
/// the client that the server identified.
final class EchoHandler: RequestHandler {
  static let largeAnswer = 1 << 20

  private let loop: EventLoop
  private let streams: StreamRoutes
  private let failed: @Sendable (ConnectionFailure) -> Void

  init(
    loop: EventLoop, streams: StreamProbe, failed: @escaping @Sendable (ConnectionFailure) -> Void
  ) {
    self.loop = loop
    self.streams = StreamRoutes(loop: loop, probe: streams)
    self.failed = failed
  }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    switch head.target.segments.first {
    case "refused": .refuse(Response(status: .notFound, body: Array("no".utf8)))
    case "stream": .stream(maxBodyBytes: StreamRoutes.maxBodyBytes, respond: streams.respond)
    default: .receive(maxBodyBytes: 200_000, respond: respond)
    }
  }

  func respond(to request: Request) async -> Response {
    switch request.head.target.segments {
    case ["slow"]: (loop.kernel as? SimulatedKernel)?.spend(.milliseconds(50))
    case ["large"]: return Response(status: .ok, body: Array(repeating: 0x78, count: Self.largeAnswer))
    default: break
    }
    for _ in 0..<(Int(request.head.target.segments[0]) ?? 0) { _ = await loop.sleep(until: loop.now) }
    return Response(
      status: .ok, fields: [("Client", "\(request.peer.address)")], body: request.body)
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response {
    switch refusal {
    case .malformed(let error): Response(status: error.status)
    case .bodyTooLarge: Response(status: .contentTooLarge)
    case .timedOut: Response(status: .requestTimeout)
    case .notTLS: Response(status: .badRequest)
    case .tooManyConnections, .tooManyConnectionsOfAddress, .tooManyStreams, .evicted:
      Response(status: .serviceUnavailable)
    }
  }

  func observe(_ event: ConnectionEvent) {
    switch event {
    case .failed(let failure, _): failed(failure)
    case .streamOpened: streams.probe.open += 1
    case .streamClosed: streams.probe.open -= 1
    case .opened, .closed, .evicted, .acceptError: break
    }
  }
}
