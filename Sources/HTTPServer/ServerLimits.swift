package import HTTPWire

/// Every bound of a server, in one value. What is reached first decides; the cheapest correct answer follows.
package struct ServerLimits: Sendable {
  /// Lengths and counts of one message.
  package var message = MessageLimits()

  // MARK: How much at once

  /// Connections at once. When one more comes, the one that has done nothing for longest makes room; where all of them
  /// are at work, the new one is answered 503.
  package var maxConnections = 4096
  /// Connections at once of one client address (IPv6: of one /64). One more is answered 503. Peers on this machine and
  /// trusted proxies speak for many, and are not counted.
  package var maxConnectionsPerAddress = 512
  /// Bytes of bodies and answers that all connections hold together. When more come, the slowest transfer
  /// gives its bytes back: an answer is cut, a body is answered 503.
  package var maxBytesInFlight = 256 * 1024 * 1024
  /// Connections that the kernel completes while we are busy. Senders retry for about a minute, a full queue drops them.
  package var backlog = 1024
  /// Requests on one connection before it is closed, so that load balancers can move it.
  package var maxRequestsPerConnection = 10_000

  // MARK: How long

  /// For the PROXY header, and again for the whole TLS handshake. Closed without a word.
  package var handshakeTimeout: Duration = .seconds(10)
  /// From the beginning of a connection to the first byte of its first request. Closed without a word.
  package var firstByteTimeout: Duration = .seconds(10)
  /// The same for a connection that was accepted before the server began to drain: whoever connects sends at once.
  package var drainingFirstByteTimeout: Duration = .seconds(1)
  /// From the first byte of a request to the end of its header section. Answered 408.
  package var headerTimeout: Duration = .seconds(10)
  /// From the end of the header section to the end of the body. Answered 408.
  package var minBodyRate = MinimumTransferRate(grace: .seconds(10), bytesPerSecond: 4096)
  /// A kept connection that sends nothing for so long is closed without a word.
  package var idleTimeout: Duration = .seconds(75)
  /// How fast a peer must take an answer. Closed.
  package var minWriteRate = MinimumTransferRate(grace: .seconds(10), bytesPerSecond: 4096)
  /// After a refusal: how long and how much is still read, so that the peer reads the answer and not a reset
  /// (RFC 9112 section 9.6).
  package var lingerTimeout: Duration = .seconds(2)
  package var maxLingerBytes = 32 * 1024 * 1024

  // MARK: Fairness

  /// Reads, or requests, that one connection gets before others have their turn.
  package var maxOperationsPerTurn = 16
  /// How long a turn of the loop may have taken when a connection goes on with its next request and has not
  /// waited.
  package var maxTurnDuration: Duration = .milliseconds(1)
  /// How long accepting pauses when descriptors or memory ran out.
  package var acceptBackoff: Duration = .milliseconds(100)
  /// A connection that has been receiving or sending one message for less than this is not displaced by a new
  /// one, and not called slow.
  package var minEvictionAge: Duration = .seconds(2)

  package init() {}
}
