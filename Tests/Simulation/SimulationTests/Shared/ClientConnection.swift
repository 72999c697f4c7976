import EventLoop
import Simulation
@testable import Time

/// One connection as its client sees it. The daemon must close it in time.
///
/// It is polled after every step, as its ``SimulatedPeer`` is.
final class ClientConnection {
  let peer: SimulatedPeer
  /// When bytes were last sent or received.
  @exclusivity(unchecked) private(set) var actedAt: MonotonicTime
  @exclusivity(unchecked) private(set) var isOver = false
  @exclusivity(unchecked) private(set) var problem: String?
  /// Whether every request is answered.
  @exclusivity(unchecked) var isIdle = false
  /// Whether all of the last request was sent.
  ///
  /// An answer may come before that, and then no other request may follow.
  @exclusivity(unchecked) var hasSentAll = true
  /// The offset of the next answer.
  var offset = 0
  @exclusivity(unchecked) private var receivedCount = 0

  /// The daemon's longest deadlines for idle and for busy connections.
  ///
  /// A busy one is within a request or an answer.
  ///
  /// Both include slow commits and the linger before a close.
  private static let maxWait: (idle: Duration, busy: Duration) = (.seconds(80), .seconds(18))

  init(_ peer: SimulatedPeer, at now: MonotonicTime) {
    self.peer = peer
    actedAt = now
  }

  func act(at now: MonotonicTime) { actedAt = now }

  func poll(at now: MonotonicTime) {
    if peer.received.count != receivedCount {
      receivedCount = peer.received.count
      actedAt = now
    }
    let allowed = isIdle ? Self.maxWait.idle : Self.maxWait.busy
    if now - actedAt > allowed { problem = "a connection waited for \(now - actedAt)" }
    if peer.isOver { isOver = true }
  }
}
