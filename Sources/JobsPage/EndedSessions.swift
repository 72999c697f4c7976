internal import System
internal import Time

/// The sessions that were signed out in this process, until they would have expired.
///
/// A browser drops its cookie then, so this matters only to a copy of it. It is not stored: each request
/// would cost a read.
final class EndedSessions: Sendable {
  /// Only who has a token makes and ends sessions. So many of them in twelve hours is a mistake.
  static let maxCount = 4096

  private let expiries = Lock<[String: Timestamp]>([:])

  func contains(_ value: String) -> Bool { expiries.withLock { $0[value] != nil } }

  func insert(_ value: String, until expiry: Timestamp, at now: Timestamp) {
    expiries.withLock { expiries in
      if expiries.count >= Self.maxCount { expiries = expiries.filter { now < $0.value } }
      if expiries.count >= Self.maxCount,
        let first = expiries.min(by: { $0.value.milliseconds < $1.value.milliseconds })
      {
        expiries[first.key] = nil
      }
      expiries[value] = expiry
    }
  }
}
