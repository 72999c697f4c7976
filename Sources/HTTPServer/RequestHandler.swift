package import ClientAddress
internal import EventLoop
package import HTTPWire
package import System
package import TLS

/// What a server asks its application. Used on the server's loop only, by many connections in turn.
package protocol RequestHandler: AnyObject {
  /// Decides by the header section alone whether the body is wanted: what is refused here is never read.
  func admit(_ head: RequestHead, from peer: Peer) -> Admission
  func respond(to request: Request) async -> Response
  /// The answer to what never became a request.
  func refuse(_ refusal: Refusal, from peer: Peer) -> Response
  /// Something happened to a connection that is no request: for counting, and for the log.
  func observe(_ event: ConnectionEvent)
}

package enum Admission: Sendable {
  /// Receive a body of at most so many bytes, then ask for the answer.
  case receive(bodyLimit: Int)
  case refuse(Response)
}

/// Why a request was not served.
package enum Refusal: Equatable, Sendable {
  /// A rule of the protocol was broken.
  case malformed(RequestError)
  /// The declared length passes what ``Admission/receive(bodyLimit:)`` allowed.
  case bodyTooLarge(limit: Int)
  /// The header section or the body did not come in time.
  case timedOut
  /// The server holds as many connections as it may.
  case tooManyConnections
  /// The client's address holds as many connections as one may.
  case tooManyConnectionsOfAddress
  /// The request was cut to make room for others.
  case evicted
  /// A request came in the clear where TLS is spoken.
  case notTLS
}

/// What happens to connections beside their requests.
package enum ConnectionEvent: Equatable, Sendable {
  case opened
  case closed
  /// Closed to make room for another, or for other bytes.
  case evicted
  /// It ended before its first request could come, or broke a bound of TLS later.
  case failed(ConnectionFailure, from: Peer)
  /// Out of descriptors or memory: others have to make room, or nothing is accepted for a moment.
  case acceptError(SystemError)
}

/// Why a connection ended although no request was refused.
package enum ConnectionFailure: Error, Equatable, Sendable {
  /// A PROXY header is taken from trusted proxies only, and this peer is none.
  case notATrustedProxy
  case proxyHeader(ProxyHeaderError)
  case handshake(TLSError)
  /// The PROXY header or the handshake did not come in time.
  case timedOut
  /// The peer left, or its place was needed.
  case ended
  /// After the handshake: the peer sent records without data, such as key updates, and little else.
  case tooManyEmptyRecords
}
