internal import ClientAddress
package import JobRequests
package import Jobs
package import Replicate
package import Settings
internal import Time

extension SettingVariable {
  package static let replicateAPIToken = SettingVariable(
    "REPLICATE_API_TOKEN",
    "The token with which predictions are created, canceled and polled. Without it the daemon only "
      + "receives.", isSecret: true, reload: .whileSet)
  static let replicateAPIURL = SettingVariable(
    "REPLICATE_API_URL",
    "The address of the API. Another one is for a stand-in.", standard: "https://api.replicate.com")
  static let publicURL = SettingVariable(
    "PUBLIC_URL",
    "What Replicate reaches, such as `https://hooks.example.com`, without `/webhooks/replicate`. "
      + "Without it predictions are created without webhooks, and polled.")
  static let jobTimeout = SettingVariable(
    "JOB_TIMEOUT",
    "A job without updates for so long becomes `stale`.")
  static let reconcileAfter = SettingVariable(
    "RECONCILE_AFTER",
    "A job without updates for so long is polled, then after twice the time, and so on.")
  package static let createsPerMinute = SettingVariable(
    "CREATES_PER_MINUTE",
    "Predictions created in a minute, at most.", reload: .always)
  package static let maxQueuedOrders = SettingVariable(
    "MAX_QUEUED_ORDERS",
    "Jobs that wait to be created, at most: more are answered 429 `queue_full`.", reload: .always)
  package static let outputRules = SettingVariable(
    "OUTPUT_RULES",
    "A JSON file: what outputs of which models must be to count as `succeeded`.", namesFile: true,
    reload: .always)
  static let retention = SettingVariable(
    "RETENTION",
    "How long ended jobs are kept. None is deleted in the first hour after a start.")
}

/// The settings of calls to the provider, of deadlines and of retention.
package struct ProviderSettings: Sendable {
  /// Nil: the provider is never called, so nothing is created, canceled or polled.
  package var token: APIToken?
  package var apiURL: String
  /// The base URL that the provider posts webhooks to, without a trailing slash.
  ///
  /// Nil: predictions are created without webhooks.
  package var publicURL: String?
  /// The time without an update after which a job is `stale`.
  package var jobTimeout: Duration
  /// The time without an update after which a job is polled.
  package var reconcileAfter: Duration
  package var createsPerMinute: Int
  /// The maximum number of waiting orders; further ones are rejected.
  ///
  /// The default is three hours of creations at Replicate's own rate, and about a gigabyte of requests of
  /// 10 KB.
  package var maxQueuedOrders: Int
  package var retention: Duration
  package var outputRules: OutputRules

  package static let variables: [SettingVariable] = [
    .replicateAPIToken, .replicateAPIURL, .publicURL, .jobTimeout, .reconcileAfter, .createsPerMinute,
    .maxQueuedOrders, .outputRules, .retention,
  ]

  package init(from reader: inout SettingsReader) {
    let days = { (count: Int) in Duration.seconds(count * 86_400) }
    token = Self.apiToken(from: &reader)
    apiURL = Self.apiURL(from: &reader)
    publicURL = Self.publicURL(from: &reader)
    jobTimeout = reader.duration(.jobTimeout, default: .seconds(900), in: .seconds(1)...days(7))
    reconcileAfter = reader.duration(
      .reconcileAfter, default: .seconds(30), in: .seconds(1)...(.seconds(3600)))
    createsPerMinute = reader.number(.createsPerMinute, default: 600, in: 1...60_000)
    maxQueuedOrders = reader.number(.maxQueuedOrders, default: 100_000, in: 1...10_000_000)
    retention = Self.retention(from: &reader)
    outputRules = Self.outputRules(from: &reader)
    outputRules.localOrigin = Self.localOrigin(of: apiURL)
  }

  package var pollPolicy: PollPolicy {
    PollPolicy(
      timeout: jobTimeout.wholeMilliseconds,
      firstPoll: token == nil ? nil : reconcileAfter.wholeMilliseconds)
  }
}

extension ProviderSettings {
  /// How long ended jobs are kept.
  ///
  /// A problem with it is reported once.
  package static func retention(from reader: inout SettingsReader) -> Duration {
    let standard = Duration.seconds(30 * 86_400)
    guard !reader.hasProblem(with: .retention) else { return standard }
    return reader.duration(.retention, default: standard, in: .seconds(1)...(.seconds(3650 * 86_400)))
  }

  private static func apiToken(from reader: inout SettingsReader) -> APIToken? {
    guard let text = reader.secretText(.replicateAPIToken) else { return nil }
    let parts = text.split(whereSeparator: \.isWhitespace)
    if parts.count == 1, let token = APIToken(String(parts[0])) { return token }
    reader.report(
      .replicateAPIToken, "write one token, such as https://replicate.com/account/api-tokens shows")
    return nil
  }

  private static func apiURL(from reader: inout SettingsReader) -> String {
    let url = url(
      .replicateAPIURL, from: &reader, example: "https://api.replicate.com without a path",
      where: \.path.isEmpty)
    return url?.text ?? SettingVariable.replicateAPIURL.standard ?? ""
  }

  /// The public URL alone. Its problems are reported with the other settings.
  package static func publicURL(_ reader: SettingsReader) -> String? {
    reader.text(.publicURL).flatMap { ProviderURL($0)?.text }
  }

  /// The rules for outputs alone. Their problems are reported with the other settings.
  package static func outputRules(_ reader: SettingsReader) -> OutputRules {
    var copy = reader
    var rules = outputRules(from: &copy)
    rules.localOrigin = localOrigin(of: apiURL(from: &copy))
    return rules
  }

  /// The origin of an API on this machine, which serves its files itself.
  private static func localOrigin(of apiURL: String) -> LocalOrigin? {
    let authority = apiURL.drop { $0 != "/" }.drop { $0 == "/" }
    return LoopbackName.isNamed(by: String(authority)) ? LocalOrigin(loopbackURL: apiURL) : nil
  }

  private static func publicURL(from reader: inout SettingsReader) -> String? {
    let url = url(.publicURL, from: &reader, example: "https://hooks.example.com without a query")
    guard let url else { return nil }
    let path = "/webhooks/replicate"
    guard !url.path.lowercased().hasSuffix(path), !url.path.contains("//") else {
      reader.report(
        .publicURL,
        "leave \(path) out, which the daemon adds: write what comes before it, with single slashes")
      return nil
    }
    return url.text
  }

  private static func url(
    _ variable: SettingVariable, from reader: inout SettingsReader, example: String,
    where isAccepted: (ProviderURL) -> Bool = { _ in true }
  ) -> ProviderURL? {
    guard let text = reader.text(variable) else { return nil }
    if let url = ProviderURL(text), isAccepted(url) { return url }
    reader.report(
      variable, "write https:// and a host, such as \(example); http:// only for this machine's loopback")
    return nil
  }

  private static func outputRules(from reader: inout SettingsReader) -> OutputRules {
    guard let path = reader.text(.outputRules) else { return OutputRules() }
    guard let text = reader.contents(ofFile: path) else {
      reader.report(.outputRules, "the file it names cannot be read: check the path and its permissions")
      return OutputRules()
    }
    do throws(OutputRulesError) {
      let bytes = Array(text.utf8)
      return try OutputRules(text: bytes.span)
    } catch {
      reader.report(.outputRules, "\(error)")
      return OutputRules()
    }
  }
}
