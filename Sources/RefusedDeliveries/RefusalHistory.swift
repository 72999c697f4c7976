internal import RefusedRequests
internal import Synchronization
internal import Time

/// The last refused deliveries, in memory only.
///
/// Unauthenticated clients must cause no writes to the store. Refusals with a `webhook-id` and others share
/// the capacity, and each kind has at least half of it, so that scanners do not evict Replicate's deliveries.
final class RefusalHistory: RefusalObserver {
  /// The maximum number of refusals.
  static let capacity = 1000

  private struct State {
    /// Each with the oldest first.
    var identified: [RecordedRefusal] = []
    var others: [RecordedRefusal] = []
    var lastID: Int64 = 0
    var count: Int64 = 0
  }

  private let state = Mutex(State())

  func note(_ refused: RefusedRequest, at time: Timestamp) {
    state.withLock { state in
      // From the clock, so that the ids of the next process are larger. Microseconds leave room for many.
      state.lastID = max(state.lastID + 1, time.milliseconds * 1000)
      state.count += 1
      let refusal = RecordedRefusal(id: state.lastID, receivedAt: time, refused: refused)
      if refused.request?.webhookID == nil {
        state.others.append(refusal)
      } else {
        state.identified.append(refusal)
      }
      guard state.identified.count + state.others.count > Self.capacity else { return }
      if state.identified.count > state.others.count {
        state.identified.removeFirst()
      } else {
        state.others.removeFirst()
      }
    }
  }

  /// The newest refusals, newest first, and the number of all since the start.
  ///
  /// - Parameters:
  ///   - code: only these. Nil for all.
  ///   - id: only newer ones.
  func newest(
    _ limit: Int, code: String?, newerThan id: Int64
  ) -> (refusals: [RecordedRefusal], count: Int64) {
    let (all, count) = state.withLock { ($0.identified + $0.others, $0.count) }
    let found = all.filter { $0.id > id && (code == nil || $0.refused.code == code) }
      .sorted { $0.id > $1.id }
    return (Array(found.prefix(limit)), count)
  }
}

/// A refusal with the time of its arrival.
///
/// A class, so that a full history is moved by references.
final class RecordedRefusal: Sendable {
  /// Grows with each refusal.
  let id: Int64
  let receivedAt: Timestamp
  let refused: RefusedRequest

  init(id: Int64, receivedAt: Timestamp, refused: RefusedRequest) {
    self.id = id
    self.receivedAt = receivedAt
    self.refused = refused
  }

  /// This machine's clock minus the time that the sender has signed, in seconds.
  ///
  /// Nil unless the difference is the reason: the signature held then, so the time is the sender's own.
  var clockDifference: Int64? {
    guard refused.code == "timestamp_out_of_range", let sent = refused.request?.webhookSeconds else {
      return nil
    }
    return receivedAt.milliseconds / 1000 - sent
  }
}
