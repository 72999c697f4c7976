package import JobRequests
internal import Synchronization

/// The token of calls to the provider, which a reload may replace.
package final class ProviderCredentials: Sendable {
  private let token: Mutex<APIToken>

  package init(_ token: APIToken) {
    self.token = Mutex(token)
  }

  package func replace(with new: APIToken) { token.withLock { $0 = new } }

  /// The field of a call.
  var authorization: String { "Authorization: Bearer \(token.withLock { $0.revealed })" }
}

/// How many predictions are created in a minute, which a reload may change.
package final class CreationRate: Sendable {
  private let number: Atomic<Int>
  private let count = Atomic(0)

  package init(perMinute: Int) {
    number = Atomic(perMinute)
  }

  package var perMinute: Int { number.load(ordering: .relaxed) }

  /// The number of changes, of the rate or of the token that it holds for.
  package var generation: Int { count.load(ordering: .acquiring) }

  package func set(perMinute: Int) {
    number.store(perMinute, ordering: .relaxed)
    count.add(1, ordering: .releasing)
  }

  /// Notes a new token, which may be accepted where the last one was not.
  package func noteNewToken() { count.add(1, ordering: .releasing) }
}

/// The general rules for outputs, which a reload may replace.
package final class LiveOutputRules: Sendable {
  private let rules: Mutex<OutputRules>
  private let count = Atomic(0)

  package init(_ rules: OutputRules = OutputRules()) {
    self.rules = Mutex(rules)
  }

  package var current: OutputRules { rules.withLock { $0 } }

  /// The number of changes, cheap enough to read for every delivery.
  var generation: Int { count.load(ordering: .acquiring) }

  package func replace(with new: OutputRules) {
    rules.withLock { $0 = new }
    count.add(1, ordering: .releasing)
  }
}
