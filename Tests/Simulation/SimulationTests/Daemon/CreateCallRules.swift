/// The rules of create calls that the provider can see broken.
///
/// A value; times are milliseconds.
struct CreateCallRules {
  /// The daemon's own limit.
  let maxPerMinute: Int
  /// The calls of the present process within the last minute.
  private var calls: [Int64] = []
  /// When a call was answered 429, and until when none may follow.
  private var throttling: (at: Int64, until: Int64)?
  /// When the cancel request of each order was acknowledged.
  private var cancelAcknowledgements: [Int: Int64] = [:]

  /// As many calls as may come at once after a time of disuse.
  private static let maxBurst = 8
  /// A call that was claimed before a 429 may have to wait for two slow commits.
  private static let claimTime: Int64 = 6000
  /// A call that was claimed before a cancel request is made before that is acknowledged.
  private static let callTime: Int64 = 1000

  init(maxPerMinute: Int) {
    self.maxPerMinute = maxPerMinute
  }

  /// Notes a call for an order.
  ///
  /// - Returns: the rule that it breaks; nil if none.
  mutating func note(_ order: Int, at now: Int64) -> String? {
    calls.removeAll { $0 <= now - 60_000 }
    calls.append(now)
    if let moment = cancelAcknowledgements[order], now > moment + Self.callTime {
      return "order \(order) is created after it was canceled"
    }
    if calls.count > maxPerMinute + Self.maxBurst { return "\(calls.count) create calls in a minute" }
    if let throttling, throttling.at + Self.claimTime < now, now < throttling.until {
      return "a create call \(throttling.until - now) ms before the end of a pause"
    }
    return nil
  }

  mutating func noteThrottling(at now: Int64, seconds: Int) {
    let until = now + Int64(seconds) * 1000
    if until > throttling?.until ?? 0 { throttling = (now, until) }
  }

  mutating func noteCancelAcknowledged(_ order: Int, at now: Int64) {
    if cancelAcknowledgements[order] == nil { cancelAcknowledgements[order] = now }
  }

  /// Notes a new process, which remembers neither its rate nor a pause.
  mutating func noteStart() { (calls, throttling) = ([], nil) }

  /// Notes that a backup was restored, which lacks later cancel requests.
  mutating func noteRestore() { cancelAcknowledgements = [:] }
}
