package import ClientAddress
internal import EventLoop
package import HTTPWire
package import System
package import TLS
package import Time

/// The application behind a server.
///
/// Used on the server's loop only, by many connections in turn.
package protocol RequestHandler: AnyObject {
  /// Decides by the header section alone whether to read the body.
  ///
  /// The body of a request refused here is never read.
  func admit(_ head: RequestHead, from peer: Peer) -> Admission
  /// The response to a connection or request that cannot be served.
  func refuse(_ refusal: Refusal, from peer: Peer) -> Response
  /// The same for a request whose header section was read.
  func refuse(_ refusal: Refusal, of head: RequestHead, from peer: Peer) -> Response
  /// Called for connection events, for metrics and logs.
  func observe(_ event: ConnectionEvent)
}

extension RequestHandler {
  package func refuse(_ refusal: Refusal, of head: RequestHead, from peer: Peer) -> Response {
    refuse(refusal, from: peer)
  }
}

/// The decision about a request whose header section has arrived.
package enum Admission {
  /// Receive a body of at most so many bytes, then respond.
  ///
  /// The responder keeps what the decision has parsed, so that nothing is parsed twice.
  case receive(maxBodyBytes: Int, observer: (any ResponseObserver)? = nil, respond: Responder)
  /// Respond at once; the body, of at most so many bytes, is read on demand.
  ///
  /// The limit is the route's alone: a body in pieces is never held as a whole. `refusalFields` are added
  /// where the server has no room for one more stream.
  case stream(
    maxBodyBytes: Int, observer: (any ResponseObserver)? = nil,
    refusalFields: [(name: String, value: String)] = [], respond: StreamResponder)
  case refuse(Response)
}

/// Responds to the request that was admitted.
package typealias Responder = (Request) async -> Response

/// Counts the responses to the requests that were admitted.
///
/// Used on the server's loop only.
package protocol ResponseObserver: AnyObject {
  /// - Parameters:
  ///   - start: the turn in which the request was complete.
  ///   - now: when its response was.
  func noteResponse(_ status: Int, since start: MonotonicTime, at now: MonotonicTime)
  /// A response whose time means nothing: of a stream, or to a request that was not read to its end.
  func noteResponse(_ status: Int)
}

/// The reason a request was not served.
package enum Refusal: Equatable, Sendable {
  /// The request violates the protocol.
  case malformed(RequestError)
  /// The body exceeds the limit of its admission.
  case bodyTooLarge(limit: Int)
  /// The header section or the body did not come in time.
  case timedOut
  /// The server has reached its maximum number of connections.
  case tooManyConnections
  /// The client's address has reached its maximum number of connections.
  case tooManyConnectionsOfAddress
  /// The server has reached its maximum number of streams.
  case tooManyStreams
  /// The connection was evicted in favour of others.
  case evicted
  /// A request in the clear on a TLS listener.
  case notTLS
}

/// A connection event other than a request.
package enum ConnectionEvent: Equatable, Sendable {
  case opened
  case closed
  /// Closed in favour of another connection, or to free memory.
  case evicted
  /// It ended before its first request, or exceeded a limit of TLS later.
  case failed(ConnectionFailure, from: Peer)
  /// accept(2) failed for lack of descriptors or memory.
  ///
  /// A connection is evicted, or accepting pauses.
  case acceptError(SystemError)
  case streamOpened
  case streamClosed
}

/// The reason a connection failed other than a refused request.
package enum ConnectionFailure: Error, Equatable, Sendable {
  /// The listener expects a PROXY header, and the peer is not a trusted proxy.
  case notATrustedProxy
  case proxyHeader(ProxyHeaderError)
  case handshake(TLSError)
  /// The PROXY header or the handshake timed out.
  case timedOut
  /// The peer left, or the connection was evicted.
  case ended
  /// After the handshake: too many records without data, such as key updates.
  case tooManyEmptyRecords
}
