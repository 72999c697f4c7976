package import Settings

extension SettingVariable {
  package static let apiTokens = SettingVariable("API_TOKENS", isSecret: true)
}

/// The settings of access to the jobs API.
package struct AccessSettings: Sendable {
  /// Without tokens the API is open to this machine only.
  package var tokens: [BearerToken]

  package static let variables: [SettingVariable] = [.apiTokens]

  package init(from reader: inout SettingsReader) {
    tokens = []
    for (index, text) in Self.texts(from: &reader).enumerated() {
      guard let token = BearerToken(text) else {
        reader.report(
          .apiTokens, "token \(index + 1) needs 16 to 256 visible ASCII characters; try: openssl rand -hex 24"
        )
        continue
      }
      tokens.append(token)
    }
  }

  /// The first token as clients send it; nil if none is set.
  package static func firstToken(from reader: inout SettingsReader) -> String? {
    texts(from: &reader).first
  }

  private static func texts(from reader: inout SettingsReader) -> [String] {
    (reader.secretText(.apiTokens) ?? "").split { $0.isWhitespace || $0 == "," }.map(String.init)
  }
}
