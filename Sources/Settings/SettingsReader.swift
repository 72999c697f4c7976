internal import ClientAddress
internal import Observability
internal import StandardWebhooks

/// Makes ``Settings`` of named values, and says everything that is wrong with them at once.
///
/// A secret named `X` is also found in the file that `X_FILE` names, and in the systemd credential of the same name in
/// lower case.
package struct SettingsReader {
  /// Where a variable came from decides who is told about an unknown one: a file is ours, the environment is not.
  private let environment: [String: String]
  private let file: [String: String]
  let readFile: (String) -> String?
  private var problems: [SettingProblem] = []

  private static let defaultWebhookAddress = "127.0.0.1:8080"
  private static let defaultAPIAddress = "127.0.0.1:8081"

  /// - Parameters:
  ///   - environment: wins over `file`, so that one run can differ.
  ///   - file: what ``EnvironmentFile`` read.
  ///   - readFile: the text of a secret's file; nil where it cannot be read.
  package init(
    environment: [String: String], file: [String: String] = [:], readFile: @escaping (String) -> String?
  ) {
    self.environment = environment
    self.file = file
    self.readFile = readFile
  }

  package mutating func read() throws(SettingProblems) -> Settings {
    reportUnknown()
    let provider = provider()
    let settings = Settings(
      secrets: secrets(isRequired: provider.token == nil && !isTokenWrong, orElse: Self.fetching),
      tlsFiles: tlsFiles(),
      webhookAddresses: addresses(.webhookListen, default: Self.defaultWebhookAddress),
      apiAddresses: addresses(.apiListen, default: Self.defaultAPIAddress),
      trustedProxies: trustedProxies(),
      apiTokens: tokens(),
      databasePath: databasePath(),
      provider: provider,
      signatureTolerance: duration(
        .signatureTolerance, default: .seconds(300), in: .seconds(1)...(.seconds(86_400))),
      limits: limits(),
      shutdownGrace: duration(.shutdownGrace, default: .seconds(10), in: .zero...(.seconds(600))),
      logLevel: choice(.logLevel) ?? .info,
      logFormat: choice(.logFormat))
    requireTokens(for: settings)
    requireTrust(for: settings)
    guard problems.isEmpty else { throw SettingProblems(problems) }
    return settings
  }
}

// MARK: - One value

extension SettingsReader {
  /// The first token as it is presented, for commands that ask the API; nil where there is none.
  package mutating func readTokenText() throws(SettingProblems) -> String? {
    let text = secretText(.apiTokens)
    guard problems.isEmpty else { throw SettingProblems(problems) }
    return text?.split(whereSeparator: Self.separatesTokens).first.map(String.init)
  }

  /// Where deliveries come in, and nothing else.
  package mutating func readWebhookAddresses() throws(SettingProblems) -> [ListenAddress] {
    let addresses = addresses(.webhookListen, default: Self.defaultWebhookAddress)
    guard problems.isEmpty else { throw SettingProblems(problems) }
    return addresses
  }

  /// Where the jobs API listens, and nothing else.
  package mutating func readAPIAddresses() throws(SettingProblems) -> [ListenAddress] {
    let addresses = addresses(.apiListen, default: Self.defaultAPIAddress)
    guard problems.isEmpty else { throw SettingProblems(problems) }
    return addresses
  }

  /// Where the database is, and nothing else.
  package mutating func readDatabasePath() throws(SettingProblems) -> String {
    let path = databasePath()
    guard problems.isEmpty else { throw SettingProblems(problems) }
    return path
  }

  /// Where the secrets are, for commands that only sign or verify: other settings are looked at if it takes them.
  package mutating func readSecretSource() throws(SettingProblems) -> SecretSource {
    var source = SecretSource(given: secrets(isRequired: false, orElse: Self.fetching), provider: nil)
    if source.given.isEmpty, problems.isEmpty {
      let provider = provider()
      source.provider = provider
      _ = secrets(isRequired: provider.token == nil && !isTokenWrong, orElse: Self.fetching)
    }
    guard problems.isEmpty else { throw SettingProblems(problems) }
    return source
  }

  private static let fetching = ", or set REPLICATE_API_TOKEN, with which it is fetched"

  /// Once the token is right, the secret may be left out: that is no second problem.
  private var isTokenWrong: Bool {
    let variable = Variable.replicateAPIToken
    return problems.contains { [variable.rawValue, variable.fileVariable].contains($0.variable) }
  }

  /// - Parameter alternative: what else can be done about a secret that is missing.
  private mutating func secrets(isRequired: Bool, orElse alternative: String) -> [Secret] {
    guard let text = secretText(.webhookSecret), isRequired || !text.isEmpty else { return [] }
    var secrets: [Secret] = []
    for (index, part) in text.split(whereSeparator: \.isWhitespace).enumerated() {
      do throws(SecretError) {
        secrets.append(try Secret(String(part)))
      } catch {
        report(.webhookSecret, "secret \(index + 1): \(error)")
      }
    }
    if text.allSatisfy(\.isWhitespace) {
      report(
        .webhookSecret,
        """
        set it to the signing secret (whsec_…) that GET https://api.replicate.com/v1/webhooks/default/secret \
        returns\(alternative)
        """
      )
    }
    return secrets
  }

  private static func separatesTokens(_ character: Character) -> Bool {
    character.isWhitespace || character == ","
  }

  private mutating func tokens() -> [BearerToken] {
    guard let text = secretText(.apiTokens) else { return [] }
    var tokens: [BearerToken] = []
    for (index, part) in text.split(whereSeparator: Self.separatesTokens).enumerated() {
      guard let token = BearerToken(String(part)) else {
        report(
          .apiTokens, "token \(index + 1) needs 16 to 256 visible ASCII characters; try: openssl rand -hex 24"
        )
        continue
      }
      tokens.append(token)
    }
    return tokens
  }

  /// Of the variable, its `_FILE` twin, or the systemd credential. The webhook secret is reported where it is missing.
  mutating func secretText(_ variable: Variable) -> String? {
    let path = value(variable.fileVariable)
    let direct = value(variable.rawValue)
    if path != nil, direct != nil {
      report(variable, "it is set and so is \(variable.fileVariable): keep one")
      return nil
    }
    if let direct { return direct }
    let credential = environment["CREDENTIALS_DIRECTORY"].map { "\($0)/\(variable.rawValue.lowercased())" }
    if let path {
      guard let text = readFile(path) else {
        report(variable.fileVariable, "the file it names cannot be read: check the path and its permissions")
        return nil
      }
      return text
    }
    if let credential, let text = readFile(credential) { return text }
    return variable == .webhookSecret ? "" : nil
  }

  private mutating func addresses(_ variable: Variable, default fallback: String) -> [ListenAddress] {
    let text = value(variable.rawValue) ?? fallback
    var addresses: [ListenAddress] = []
    for (index, item) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
      guard let address = ListenAddress(item), !addresses.contains(where: { $0.place == address.place })
      else {
        report(
          variable,
          """
          address \(index + 1): write host:port, [v6]:port, unix:/path or systemd:name, each once, with numeric \
          addresses and commas between them; options follow after a space: mode=0660 (unix), proxy_protocol
          """)
        continue
      }
      addresses.append(address)
    }
    return addresses
  }

  /// Whether the webhooks listener takes TLS.
  package var usesTLS: Bool { value(Variable.tlsCertificate.rawValue) != nil }

  private mutating func tlsFiles() -> TLSFiles? {
    let (certificate, key) = (value(Variable.tlsCertificate.rawValue), value(Variable.tlsKey.rawValue))
    if let certificate, let key { return TLSFiles(certificatePath: certificate, keyPath: key) }
    if certificate != nil { report(.tlsKey, "TLS_CERTIFICATE is set: name the file of its private key too") }
    if key != nil { report(.tlsCertificate, "TLS_KEY is set: name the file of its certificate chain too") }
    return nil
  }

  private mutating func trustedProxies() -> TrustedProxies {
    do throws(TrustedProxies.ParseError) {
      return try TrustedProxies(parsing: value(Variable.trustedProxies.rawValue) ?? "")
    } catch {
      report(.trustedProxies, error.explanation)
      return .none
    }
  }

  private mutating func databasePath() -> String {
    let text = value(Variable.databaseURL.rawValue) ?? "sqlite:replicate-webhookd.db"
    let path = text.dropFirst("sqlite:".count)
    // Never shown: what is written here may be the URL of another database, with a password.
    guard text.hasPrefix("sqlite:"), !path.isEmpty, !path.utf8.contains(0) else {
      report(.databaseURL, "write sqlite: and a path, such as sqlite:/var/lib/replicate-webhookd/jobs.db")
      return ""
    }
    guard !path.hasPrefix("//") else {
      report(
        .databaseURL,
        """
        leave the slashes behind sqlite: out, which would lead to the root of the file system: write sqlite:jobs.db for a \
        file in the working directory, or sqlite:/var/lib/replicate-webhookd/jobs.db
        """)
      return ""
    }
    // To SQLite a database in memory, and what some libraries write behind a path.
    guard path != ":memory:", !path.hasPrefix("file:"), !path.contains("?") else {
      report(.databaseURL, "write the path of a file behind sqlite:, without file:, :memory: or ?parameters")
      return ""
    }
    return String(path)
  }

  mutating func duration(
    _ variable: Variable, default fallback: Duration, in range: ClosedRange<Duration>
  ) -> Duration {
    guard let text = value(variable.rawValue) else { return fallback }
    guard let duration = SettingValue.duration(text), range.contains(duration) else {
      let bounds =
        "from \(SettingValue.text(of: range.lowerBound)) to \(SettingValue.text(of: range.upperBound))"
      let hasNoUnit = SettingValue.number(text[...]) != nil
      report(
        variable,
        hasNoUnit
          ? "a number alone is no duration: write its unit behind it, such as 30s, 5m, 12h or 30d, \(bounds)"
          : "write a duration such as 5m or 90s, \(bounds)")
      return fallback
    }
    return duration
  }

  mutating func size(_ variable: Variable, default fallback: Int, in range: ClosedRange<Int>) -> Int {
    guard let text = value(variable.rawValue) else { return fallback }
    guard let size = SettingValue.size(text), range.contains(size) else {
      report(variable, "write a size such as 8MiB, from \(range.lowerBound) to \(range.upperBound) bytes")
      return fallback
    }
    return size
  }

  mutating func number(_ variable: Variable, default fallback: Int, in range: ClosedRange<Int>) -> Int {
    guard let text = value(variable.rawValue) else { return fallback }
    guard let number = SettingValue.number(text[...]), range.contains(number) else {
      report(variable, "write a whole number from \(range.lowerBound) to \(range.upperBound)")
      return fallback
    }
    return number
  }

  private mutating func choice<Choice>(_ variable: Variable) -> Choice?
  where Choice: RawRepresentable<String> & CaseIterable {
    guard let text = value(variable.rawValue) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    report(variable, "write one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    return nil
  }
}

// MARK: - Rules over several

extension SettingsReader {
  private mutating func requireTokens(for settings: Settings) {
    guard settings.apiTokens.isEmpty else { return }
    if settings.sharesListener {
      report(
        .apiTokens,
        "webhooks and jobs share one address: set a token, or give API_LISTEN an address of its own")
    } else if settings.apiAddresses.contains(where: { $0.isLoopback == false }) {
      report(
        .apiTokens,
        "the jobs API listens beyond this machine: set a token, or let API_LISTEN be 127.0.0.1:8081")
    }
  }

  /// A PROXY header names the client, so it is believed only from who was named: from anybody else it would be a way to
  /// speak in another's name.
  private mutating func requireTrust(for settings: Settings) {
    guard settings.trustedProxies == .none else { return }
    for (variable, addresses) in [
      (Variable.webhookListen, settings.webhookAddresses), (.apiListen, settings.apiAddresses),
    ] where addresses.contains(where: \.expectsProxyHeader) {
      report(variable, "proxy_protocol needs TRUSTED_PROXIES: set it to the addresses of your load balancer")
    }
  }

  private mutating func reportUnknown() {
    let secretFiles = Variable.allCases.filter(\.isSecret).map(\.fileVariable)
    let known = Set(Variable.allCases.map(\.rawValue) + secretFiles)
    for name in file.keys.sorted() where !known.contains(name) {
      report(name, "this version has no such setting: correct its name, or remove it from the file")
    }
  }

  /// An empty value is an unset one: `API_TOKENS=` in a template means "none".
  func value(_ name: String) -> String? {
    guard let value = environment[name] ?? file[name], !value.isEmpty else { return nil }
    return value
  }

  mutating func report(_ variable: Variable, _ advice: String) {
    report(variable.rawValue, advice)
  }

  private mutating func report(_ variable: String, _ advice: String) {
    problems.append(SettingProblem(variable: variable, advice: advice))
  }
}
