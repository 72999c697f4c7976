package import HTTPWire

/// Every bound of a server, in one value. What is reached first decides; the cheapest correct answer follows.
package struct ServerLimits: Sendable {
  /// Lengths and counts of one message.
  package var message = MessageLimits()
  /// Connections at once. One more is answered 503 and closed, so that its sender learns why.
  package var connections = 4096
  /// Connections that the kernel completes while we are busy. Senders retry for about a minute, a full queue drops them.
  package var backlog = 1024
  /// Requests on one connection before it is closed, so that load balancers can move it.
  package var requestsPerConnection = 10_000
  /// A kept connection that sends nothing for so long is closed without a word.
  package var idle: Duration = .seconds(75)
  /// From the first byte of a request to the end of its header section. Answered 408.
  package var header: Duration = .seconds(10)
  /// A body has so long to begin, and then as long again for every `bodyRate` × seconds of bytes. Answered 408.
  package var bodyGrace: Duration = .seconds(10)
  /// The slowest sender that is waited for, in bytes per second: one that drips is not.
  package var bodyBytesPerSecond = 4096
  /// A peer that takes none of its answer for so long is given up.
  package var writeStall: Duration = .seconds(10)
  /// After a refusal: how long and how much is still read, so that the peer reads the answer and not a reset
  /// (RFC 9112 section 9.6).
  package var linger: Duration = .seconds(2)
  package var lingerBytes = 1024 * 1024
  /// Reads, or requests, that one connection gets before others have their turn.
  package var turnBudget = 16
  /// How long accepting pauses when descriptors or memory ran out.
  package var acceptPause: Duration = .milliseconds(100)

  package init() {}
}
