internal import EventLoop
package import HTTPWire
package import Time

/// Responds to a request whose body, response or both are streamed.
package typealias StreamResponder = (StreamedRequest) async throws(StreamFailure) -> StreamedResponse

/// The response to a ``StreamedRequest``.
package enum StreamedResponse {
  case whole(Response)
  /// The head is sent before `produce` is called, which then writes the content.
  ///
  /// Its return ends the content. `produce` is not called where there is none: after HEAD, 204 and 304. A
  /// failure that it throws cuts the connection, so that the client sees that the content is incomplete.
  case stream(ResponseHead, produce: (ResponseWriter) async throws(StreamFailure) -> Void)
}

/// A request whose body is read on demand, and whose response may last.
///
/// Used on the server's loop only. One task at a time may read, write or wait, because these share the
/// connection's wait.
package final class StreamedRequest {
  package let head: RequestHead
  package let peer: Peer
  package let body: BodyReader
  private let exchange: StreamExchange

  init(head: RequestHead, peer: Peer, body: BodyReader, exchange: StreamExchange) {
    self.head = head
    self.peer = peer
    self.body = body
    self.exchange = exchange
  }

  /// Whether the server shuts down. The stream should come to its end.
  package var isDraining: Bool { exchange.isDraining }

  /// Sends what was written, then waits for ``signal()``, the deadline, or the shutdown.
  ///
  /// It throws when the peer leaves, or closes its sending side, which looks the same until something is
  /// sent. Bytes that the peer sends meanwhile are not read.
  ///
  /// The shutdown is reported once. A handler may then send a last piece, and the next wait throws.
  package func wait(
    until deadline: MonotonicTime = MonotonicTime(nanoseconds: .max)
  ) async throws(StreamFailure) -> StreamWake {
    try await exchange.wait(until: deadline)
  }

  /// Ends the current or the next ``wait(until:)``.
  ///
  /// To be called by other code on the same loop; it takes no lock and changes no thread. Repeated signals
  /// are coalesced. After the stream's end it does nothing.
  package func signal() {
    exchange.signal()
  }
}

/// Why a ``StreamedRequest/wait(until:)`` ended.
package enum StreamWake: Equatable, Sendable {
  case signaled
  case deadline
  /// The server shuts down.
  case draining
}

/// Why a stream ends before its time.
package enum StreamFailure: Error, Equatable, Sendable {
  /// The peer has left, or closed its sending side before the end of its body or during a wait.
  case peerGone
  /// The peer has sent or read below the minimum rate.
  case tooSlow
  /// The body violates the protocol.
  case malformed(RequestError)
  /// The body exceeds the limit of its admission.
  case tooLarge(limit: Int)
  /// The connection was evicted in favour of others.
  case evicted
  /// The server shuts down, and the stream has had its chance to end; or it has ended.
  case aborted
  /// The handler cannot complete its response. Nothing else throws it.
  case abandoned

  /// The refusal to send where no response has begun; nil where none would arrive.
  var refusal: Refusal? {
    switch self {
    case .tooSlow: .timedOut
    case .malformed(let error): .malformed(error)
    case .tooLarge(let limit): .bodyTooLarge(limit: limit)
    case .evicted: .evicted
    case .peerGone, .aborted, .abandoned: nil
    }
  }
}
