@testable import APITokens
@testable import Observability
import Settings
import Testing

private let token = "0123456789abcdef"
private let other = "fedcba9876543210"

/// The entries of `API_TOKENS`.
@Suite struct TokenEntryTests {
  private func read(_ text: String) throws(SettingProblems) -> AccessSettings {
    var reader = SettingsReader(variables: [.apiTokens], environment: ["API_TOKENS": text]) { _ in nil }
    return try reader.read(AccessSettings.init)
  }

  private func problems(_ text: String) -> [String] {
    do throws(SettingProblems) {
      _ = try read(text)
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  @Test(
    arguments: [
      (token, nil, .write), ("shop[read+write]=\(token)", "shop", .write),
      ("a-B_1.c[read]=\(token)", "a-B_1.c", .read),
      ("grafana[metrics]=\(token)", "grafana", .metrics),
      // These are tokens as before: they have no scope in brackets.
      ("shop=\(token)", nil, .write), ("\(token)==", nil, .write), ("a]=b[\(token)", nil, .write),
    ] as [(String, String?, TokenScope)])
  func `an entry has a name and a scope, or is a token for everything`(
    _ entry: String, _ name: String?, _ scope: TokenScope
  ) throws {
    let tokens = try read(entry).tokens
    #expect(tokens.map(\.name) == [name] && tokens.map(\.scope) == [scope])
    let text = name == nil ? entry : token
    #expect(BearerToken.match(text, among: tokens) != nil)
    #expect(BearerToken.match(text + "x", among: tokens) == nil)
  }

  @Test(arguments: [
    ("short", "token 1: a token needs 16 to 256"), ("shop[read]=short", "token 1: a token needs 16 to 256"),
    ("[read]=\(token)", "token 1: its name before ["), ("a/b[read]=\(token)", "token 1: its name before ["),
    ("\(token) näme[read]=\(other)", "token 2: its name before ["),
    ("\(String(repeating: "n", count: 33))[read]=\(token)", "token 1: its name before ["),
    ("shop[write]=\(token)", "token 1: write [read+write], [read] or [metrics]"),
    ("shop[]=\(token)", "token 1: write [read+write], [read] or [metrics]"),
    ("shop[Read]=\(token)", "token 1: write [read+write], [read] or [metrics]"),
    ("a[read]=\(token) b[read]=\(token)", "token 2: it is also token 1"),
    ("\(token) b[read]=\(token)", "token 2: it is also token 1"),
    ("a[read]=\(token) a[metrics]=\(other)", "token 2: token 1 has the same name"),
    ((0...100).map { "token-number-\(1000 + $0)" }.joined(separator: " "), "it holds more than 100 tokens"),
  ])
  func `a wrong entry is described by its position and never quoted`(_ text: String, _ problem: String) {
    let found = problems(text)
    #expect(found.count == 1 && found[0].hasPrefix("API_TOKENS: \(problem)"), "\(found)")
    for secret in [token, other] { #expect(!"\(found)".contains(secret)) }
  }

  /// A token is replaced while the last one is still used.
  @Test func `two tokens may have one name if they have one scope`() throws {
    let settings = try read("ci[read]=\(token) ci[read]=\(other),fedcba9876543211")
    #expect(settings.summary == "3 API token(s), ci [read], ci [read], 1 unnamed")
    #expect(try read(token).summary == "1 API token(s)")
  }

  /// Commands create and delete too.
  @Test(
    arguments: [
      (token, token), ("a[metrics]=\(other) b[read+write]=\(token)", token), ("\(other) \(token)", other),
      ("a[metrics]=\(other) b[read]=\(token)", token), ("", nil),
    ] as [(String, String?)])
  func `a command uses the first token that opens most`(_ text: String, _ expected: String?) {
    var reader = SettingsReader(variables: [.apiTokens], environment: ["API_TOKENS": text]) { _ in nil }
    #expect(AccessSettings.firstToken(from: &reader) == expected)
  }
}

/// The tokens that a reload replaces.
@Suite struct TokenListTests {
  private func tokens(_ entries: (text: String, name: String?, scope: TokenScope)...) -> [BearerToken] {
    entries.compactMap { BearerToken($0.text, name: $0.name, scope: $0.scope) }
  }

  private func counts(_ list: TokenList) -> [String] {
    list.metrics.flatMap(\.samples).map { "\($0.labels.first?.value ?? "-") \($0.value)" }
  }

  @Test func `requests are counted by name, across a reload`() {
    let list = TokenList(tokens((token, "ci", .read), (other, nil, .write)))
    #expect(counts(list) == ["ci 0", "unnamed 0"])
    for text in [token, token, other, "no-such-token-at-all"] { _ = list.admit("Bearer \(text)") }
    #expect(counts(list) == ["ci 2", "unnamed 1"])
    let new = "0000000000000000"
    _ = list.replace(with: tokens((token, "ci", .read), (new, "ci", .read)))
    _ = list.admit("Bearer \(new)")
    #expect(list.admit("Bearer \(other)") == nil)
    #expect(counts(list) == ["ci 3"])
    #expect(list.name(in: "Bearer \(new)") == "ci" && counts(list) == ["ci 3"])
  }

  @Test func `a token that is gone or opens less is noticed`() {
    let list = TokenList(tokens((token, "ci", .read)))
    #expect(!list.replace(with: tokens((token, "ci", .write), (other, nil, .write))))
    #expect(list.replace(with: tokens((token, "ci", .read), (other, nil, .write))))
    #expect(list.replace(with: tokens((token, "ci", .read))))
    #expect(!list.isEmpty && list.replace(with: []) && list.isEmpty)
  }

  @Test func `scopes contain the lesser ones`() {
    #expect(TokenScope.metrics < .read && .read < TokenScope.write)
  }
}
