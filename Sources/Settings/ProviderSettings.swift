package import JobRequests
package import Replicate

/// How the daemon deals with the provider, and how long it keeps what came of it.
package struct ProviderSettings: Sendable {
  /// Nil: nothing is created, canceled or asked for.
  package var token: APIToken?
  package var apiURL: String
  /// What the provider reaches, without a slash at its end; nil: predictions are created without webhooks.
  package var publicURL: String?
  /// No news for so long: `stale`.
  package var jobTimeout: Duration
  /// No news for so long: the provider is asked.
  package var reconcileAfter: Duration
  package var createsPerMinute: Int
  /// More are refused: three hours of creations at Replicate's own rate, and about a gigabyte of requests of 10 KB.
  package var maxQueuedOrders = 100_000
  package var retention: Duration
  package var outputRules: OutputRules
}

extension SettingsReader {
  mutating func provider() -> ProviderSettings {
    let days = { (count: Int) in Duration.seconds(count * 86_400) }
    return ProviderSettings(
      token: apiToken(),
      apiURL: url(.replicateAPIURL)?.text ?? "https://api.replicate.com",
      publicURL: publicURL(),
      jobTimeout: duration(.jobTimeout, default: .seconds(900), in: .seconds(1)...days(7)),
      reconcileAfter: duration(.reconcileAfter, default: .seconds(30), in: .seconds(1)...(.seconds(3600))),
      createsPerMinute: number(.createsPerMinute, default: 600, in: 1...60_000),
      maxQueuedOrders: number(.maxQueuedOrders, default: 100_000, in: 1...10_000_000),
      retention: duration(.retention, default: days(30), in: .seconds(1)...days(3650)),
      outputRules: outputRules())
  }

  private mutating func apiToken() -> APIToken? {
    guard let text = secretText(.replicateAPIToken) else { return nil }
    let trimmed = text.split(whereSeparator: \.isWhitespace)
    if trimmed.count == 1, let token = APIToken(String(trimmed[0])) { return token }
    report(.replicateAPIToken, "write one token, such as https://replicate.com/account/api-tokens shows")
    return nil
  }

  private mutating func url(_ variable: Variable) -> ProviderURL? {
    guard let text = value(variable.rawValue) else { return nil }
    guard let url = ProviderURL(text), variable != .replicateAPIURL || url.path.isEmpty else {
      let example =
        variable == .replicateAPIURL
        ? "https://api.replicate.com without a path" : "https://hooks.example.com without a query"
      report(
        variable, "write https:// and a host, such as \(example); http:// only for this machine's loopback")
      return nil
    }
    return url
  }

  private mutating func publicURL() -> String? {
    guard let url = url(.publicURL) else { return nil }
    let path = "/webhooks/replicate"
    guard !url.path.lowercased().hasSuffix(path), !url.path.contains("//") else {
      report(
        .publicURL,
        "leave \(path) out, which the daemon adds: write what comes before it, with single slashes")
      return nil
    }
    return url.text
  }

  private mutating func outputRules() -> OutputRules {
    guard let path = value(Variable.outputRules.rawValue) else { return OutputRules() }
    guard let text = readFile(path) else {
      report(.outputRules, "the file it names cannot be read: check the path and its permissions")
      return OutputRules()
    }
    do throws(OutputRulesError) {
      let bytes = Array(text.utf8)
      return try OutputRules(text: bytes.span)
    } catch {
      report(.outputRules, "\(error)")
      return OutputRules()
    }
  }
}
