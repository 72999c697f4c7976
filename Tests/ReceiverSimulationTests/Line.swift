import EventLoop
import Simulation
@testable import Time

/// One connection as its client knows it, with what the daemon owes it: an end in time. It is looked at after every step, as
/// its ``SimulatedPeer`` is.
final class Line {
  let peer: SimulatedPeer
  /// When bytes were last sent or received.
  @exclusivity(unchecked) private(set) var actedAt: MonotonicTime
  @exclusivity(unchecked) private(set) var isOver = false
  @exclusivity(unchecked) private(set) var problem: String?
  /// All that was asked is answered.
  @exclusivity(unchecked) var isIdle = false
  /// All of the last request was sent. An answer may come before that, and no other request may follow then.
  @exclusivity(unchecked) var hasSentAll = true
  /// Where the next answer begins.
  var offset = 0
  @exclusivity(unchecked) private var receivedCount = 0

  /// The longest of the daemon's own deadlines, for a connection that is kept, and for one that is in the middle of a
  /// request or of an answer: with what slow commits and the last words take.
  private static let longest: (idle: Duration, busy: Duration) = (.seconds(80), .seconds(18))

  init(_ peer: SimulatedPeer, at now: MonotonicTime) {
    self.peer = peer
    actedAt = now
  }

  func act(at now: MonotonicTime) { actedAt = now }

  func look(at now: MonotonicTime) {
    if peer.received.count != receivedCount {
      receivedCount = peer.received.count
      actedAt = now
    }
    let allowed = isIdle ? Self.longest.idle : Self.longest.busy
    if now - actedAt > allowed { problem = "a connection waited for \(now - actedAt)" }
    if peer.isOver { isOver = true }
  }
}
