package import HTTPWire

/// The limits of a server.
///
/// The first limit that is reached applies, and the cheapest correct response follows.
package struct ServerLimits: Sendable {
  /// Limits on the parts of one message.
  package var message = MessageLimits()

  // MARK: Sizes and counts

  /// The maximum number of connections.
  ///
  /// One more evicts the connection that has been idle for longest. If all are busy, the new one gets 503.
  package var maxConnections = 4096
  /// The maximum number of connections per client address (IPv6: per /64).
  ///
  /// One more gets 503. Peers on this machine and trusted proxies act for many clients, and are not counted.
  package var maxConnectionsPerAddress = 512
  /// The maximum number of streams; one more gets 503.
  ///
  /// At most half of ``maxConnections``, so that streams alone never fill the server.
  package var maxStreams = 1024
  /// The maximum bytes of bodies and responses held by all connections.
  ///
  /// Beyond it the slowest transfer is evicted: a response is cut, a body gets 503.
  package var maxBytesInFlight = 256 * 1024 * 1024
  /// The listen(2) backlog: connections that the kernel completes while the loop is busy.
  ///
  /// A full queue drops further ones; senders retry for about a minute.
  package var backlog = 1024
  /// The maximum number of requests per connection, so that load balancers can move it.
  package var maxRequestsPerConnection = 10_000

  // MARK: Timeouts and rates

  /// For the PROXY header, and again for the whole TLS handshake.
  ///
  /// On timeout the connection is closed without a response.
  package var handshakeTimeout: Duration = .seconds(10)
  /// From accept to the first byte of the first request.
  ///
  /// On timeout the connection is closed without a response.
  package var firstByteTimeout: Duration = .seconds(10)
  /// The same while draining, for a connection that was accepted before.
  ///
  /// Clients send right after connecting.
  package var drainingFirstByteTimeout: Duration = .seconds(1)
  /// While draining: how long a stream without a known end may wait for its peer to read.
  package var drainingStreamTimeout: Duration = .seconds(1)
  /// From the first byte to the end of the header section; then 408.
  package var headerTimeout: Duration = .seconds(10)
  /// The minimum rate at which a body must arrive; then 408.
  ///
  /// It applies from the end of the header section.
  package var minBodyRate = MinimumTransferRate(grace: .seconds(10), bytesPerSecond: 4096)
  /// The idle time after which a persistent connection is closed without a response.
  package var idleTimeout: Duration = .seconds(75)
  /// The minimum rate at which a peer must read a response.
  ///
  /// Below it the connection is closed.
  package var minWriteRate = MinimumTransferRate(grace: .seconds(10), bytesPerSecond: 4096)
  /// Lingering close: how long input is read after a refusal (RFC 9112 section 9.6).
  ///
  /// The peer then reads the response and not a reset.
  package var lingerTimeout: Duration = .seconds(2)
  /// Lingering close: the maximum bytes read after a refusal.
  package var maxLingerBytes = 32 * 1024 * 1024

  // MARK: Fairness

  /// The maximum reads, requests or accepts per turn, before others have their turn.
  package var maxOperationsPerTurn = 16
  /// The turn length beyond which a connection yields before its next pipelined request.
  package var maxTurnDuration: Duration = .milliseconds(1)
  /// The pause after accept(2) ran out of descriptors or memory.
  package var acceptBackoff: Duration = .milliseconds(100)
  /// The age below which a transfer is neither slow nor evictable.
  ///
  /// Younger transfers are not evicted in favour of a new connection.
  package var minEvictionAge: Duration = .seconds(2)

  package init() {}
}
