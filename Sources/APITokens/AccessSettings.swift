package import Settings

extension SettingVariable {
  package static let apiTokens = SettingVariable(
    "API_TOKENS",
    "Bearer tokens of the jobs API, separated by spaces: `TOKEN` or `name[scope]=TOKEN`, with the "
      + "scope `read+write`, `read` or `metrics`. Without any the API answers this machine only.",
    isSecret: true, reload: .whileSet)
}

/// The settings of access to the jobs API.
package struct AccessSettings: Sendable {
  /// Without tokens the API is open to this machine only.
  package var tokens: [BearerToken]

  package static let variables: [SettingVariable] = [.apiTokens]

  /// A presented token is compared with each.
  static let maxTokens = 100

  package init(from reader: inout SettingsReader) {
    tokens = []
    let entries = Self.entries(from: &reader)
    guard entries.count <= Self.maxTokens else {
      reader.report(.apiTokens, "it holds more than \(Self.maxTokens) tokens")
      return
    }
    for (index, entry) in entries.enumerated() {
      do throws(TokenEntry.Invalid) {
        try add(TokenEntry(entry))
      } catch {
        reader.report(.apiTokens, "token \(index + 1): \(error.advice)")
      }
    }
  }

  private mutating func add(_ entry: TokenEntry) throws(TokenEntry.Invalid) {
    guard let token = BearerToken(entry.text, name: entry.name, scope: entry.scope) else {
      throw TokenEntry.Invalid(
        advice: "a token needs 16 to 256 visible ASCII characters; try: openssl rand -hex 24")
    }
    for (index, other) in tokens.enumerated() {
      // Otherwise logs would name one of two holders.
      guard !token.hasSameText(as: other) || (token.name, token.scope) == (other.name, other.scope) else {
        throw TokenEntry.Invalid(advice: "it is also token \(index + 1), with another name or scope")
      }
      guard token.name == nil || token.name != other.name || token.scope == other.scope else {
        throw TokenEntry.Invalid(advice: "token \(index + 1) has the same name and another scope")
      }
    }
    tokens.append(token)
  }

  /// The names and scopes, without the tokens: `2 API tokens, ci [read], 1 unnamed`.
  package var summary: String {
    let names = tokens.compactMap { token in token.name.map { "\($0) [\(token.scope.rawValue)]" } }
    let unnamed = tokens.count - names.count
    let count = names.isEmpty ? [] : names + (unnamed > 0 ? ["\(unnamed) unnamed"] : [])
    return (["\(tokens.count) API token(s)"] + count).joined(separator: ", ")
  }

  /// The first token that opens most, as clients send it; nil if none is set.
  package static func firstToken(from reader: inout SettingsReader) -> String? {
    var first: TokenEntry?
    for entry in entries(from: &reader) {
      guard let entry = try? TokenEntry(entry) else { continue }
      if first.map({ $0.scope < entry.scope }) ?? true { first = entry }
    }
    return first?.text
  }

  private static func entries(from reader: inout SettingsReader) -> [Substring] {
    (reader.secretText(.apiTokens) ?? "").split { $0.isWhitespace || $0 == "," }
  }
}
