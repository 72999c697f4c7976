package import Observability
internal import Synchronization

/// The tokens of the jobs API, which a reload may replace, and the requests that presented them.
package final class TokenList: Sendable {
  private let tokens: Mutex<[BearerToken]>
  /// Read for every request, also where there are no tokens.
  private let hasTokens: Atomic<Bool>

  package init(_ tokens: [BearerToken]) {
    self.tokens = Mutex(Self.counting(tokens, on: []))
    hasTokens = Atomic(!tokens.isEmpty)
  }

  /// Without tokens the API is open to this machine only.
  package var isEmpty: Bool { !hasTokens.load(ordering: .acquiring) }

  package var current: [BearerToken] { tokens.withLock { $0 } }

  /// Replaces all tokens. Sessions of a token that is gone end.
  ///
  /// - Returns: whether a token is gone, or opens less than before.
  package func replace(with new: [BearerToken]) -> Bool {
    let old = tokens.withLock { tokens in
      let old = tokens
      tokens = Self.counting(new, on: old)
      return old
    }
    hasTokens.store(!new.isEmpty, ordering: .releasing)
    return old.contains { token in
      !new.contains { $0.hasSameText(as: token) && $0.scope >= token.scope }
    }
  }

  /// The token that `authorization` presents, the value of that field. Counts the request.
  ///
  /// It takes the same time whichever token is presented.
  package func admit(_ authorization: String) -> BearerToken? {
    guard let token = token(in: authorization) else { return nil }
    token.requests.add()
    return token
  }

  /// The name of the token that `authorization` presents. Nil without a name, and for any other text.
  package func name(in authorization: String) -> String? { token(in: authorization)?.name }

  private func token(in authorization: String) -> BearerToken? {
    BearerToken.text(in: authorization).flatMap { BearerToken.match($0, among: current) }
  }

  /// Gives tokens of one name one counter, and keeps those of names that stay.
  private static func counting(_ tokens: [BearerToken], on old: [BearerToken]) -> [BearerToken] {
    var counters: [String: TokenCounter] = [:]
    for token in old { counters[token.label] = token.requests }
    return tokens.map { token in
      var token = token
      token.requests = counters[token.label] ?? token.requests
      counters[token.label] = token.requests
      return token
    }
  }
}

// MARK: - Metrics

extension TokenList {
  /// The metrics of access. There are as many series as names.
  package var metrics: [any MetricFamily] {
    [
      ComputedLabelCounter(
        "replicate_webhookd_api_token_requests_total",
        help: "Requests with a token of the jobs API or its session, by the token's name.", label: "token"
      ) { [self] in
        var labels: Set<String> = []
        return current.filter { labels.insert($0.label).inserted }.map { ($0.label, $0.requests.value) }
      }
    ]
  }
}

extension BearerToken {
  /// All tokens without a name count together.
  fileprivate var label: String { name ?? "unnamed" }

  /// Counts a request of one of its sessions.
  package func noteSession() { requests.add() }
}

/// A number of requests.
final class TokenCounter: Sendable {
  private let number = Atomic(0)

  var value: Int { number.load(ordering: .relaxed) }
  func add() { number.add(1, ordering: .relaxed) }
}
