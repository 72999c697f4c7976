internal import HTTPServer
internal import Time

/// Bounds the wrong tokens of each client.
///
/// Used on its loop only.
final class SignInBudget {
  /// Wrong tokens in a row, and in the long run: enough for a person who looks for the right one.
  static let burst = 10
  static let perMinute = 10
  static let maxClients = 1024

  private typealias Bucket = TokenBucket<MonotonicTime>

  /// Clients without an address of their own, such as those of this machine, share one.
  private var buckets: [ClientKey?: Bucket] = [:]

  var clientCount: Int { buckets.count }

  /// How long a client must wait; zero where it may try.
  func delay(of client: ClientKey?, at now: MonotonicTime) -> Duration {
    guard var bucket = buckets[client] else { return .zero }
    return bucket.delay(at: now)
  }

  func noteFailure(of client: ClientKey?, at now: MonotonicTime) {
    if buckets[client] == nil, buckets.count >= Self.maxClients { makeRoom(at: now) }
    buckets[client, default: Bucket(perMinute: Self.perMinute, burst: Self.burst, now: now)].take(at: now)
  }

  /// Forgets the clients that may try as often as new ones; else the one that has waited for longest.
  private func makeRoom(at now: MonotonicTime) {
    buckets = buckets.filter { entry in
      var bucket = entry.value
      return bucket.available(at: now) < Self.burst
    }
    guard buckets.count >= Self.maxClients,
      let oldest = buckets.min(by: { $0.value.refilledAt < $1.value.refilledAt })
    else { return }
    buckets[oldest.key] = nil
  }
}
