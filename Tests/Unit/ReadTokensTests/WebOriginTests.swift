import Settings
import Testing

@testable import ReadTokens

@Suite struct WebOriginTests {
  private static func read(_ text: String) throws -> Set<String> {
    var reader = SettingsReader(
      variables: ReadTokens.settings, environment: ["BROWSER_ORIGINS": text]
    ) { _ in nil }
    return try reader.read(WebOrigin.read)
  }

  /// As browsers serialize them.
  @Test(arguments: [
    ("", []), ("https://app.example.com", ["https://app.example.com"]),
    ("https://app.example.com:443", ["https://app.example.com"]),
    ("http://localhost:5173", ["http://localhost:5173"]), ("http://localhost:80", ["http://localhost"]),
    ("https://localhost:80", ["https://localhost:80"]),
    ("HTTPS://App.Example.COM", ["https://app.example.com"]),
    ("http://[::1]:3000", ["http://[::1]:3000"]), ("http://127.0.0.1", ["http://127.0.0.1"]),
    ("https://xn--bcher-kva.example", ["https://xn--bcher-kva.example"]),
    (" https://a.example , http://b.example:8000 ,", ["https://a.example", "http://b.example:8000"]),
  ])
  func `origins are read as browsers send them`(_ text: String, _ origins: [String]) throws {
    #expect(try Self.read(text) == Set(origins))
  }

  @Test(arguments: [
    ("*", "origin 1: list each origin, without a wildcard"),
    ("https://a.example,https://*.example.com", "origin 2: list each origin, without a wildcard"),
    ("null", "null is the origin of every sandboxed page"),
    ("app.example.com", "write https:// or http:// before the host"),
    ("ftp://app.example.com", "write https:// or http:// before the host"),
    ("https://app.example.com/", "leave out what follows the host and port"),
    ("https://app.example.com/page", "leave out what follows the host and port"),
    ("https://app.example.com?x", "leave out what follows the host and port"),
    ("https://bücher.example", "in ASCII: xn--…"), ("https://", "write scheme, host and port"),
    ("https://a.example:0", "write scheme, host and port"),
    ("https://a.example:65536", "write scheme, host and port"),
    ("https://a.example:", "write scheme, host and port"), ("https://a:b@c", "write scheme, host and port"),
    ("https://[::1", "write scheme, host and port"), ("https://[]", "write scheme, host and port"),
    ("https://a b", "write scheme, host and port"),
    ("https://a.example https://b.example", "leave out what follows the host and port"),
  ])
  func `another text is reported with its fix`(_ text: String, _ advice: String) {
    let problems = #expect(throws: SettingProblems.self) { try Self.read(text) }
    #expect(problems.map { "\($0)".contains("BROWSER_ORIGINS") && "\($0)".contains(advice) } == true)
  }
}
