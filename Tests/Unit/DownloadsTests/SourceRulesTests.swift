import ClientAddress
@testable import Downloads
import Foundation
import Testing

/// The strings of outputs that are files.
@Suite struct SourceRulesTests {
  private static let rules = SourceRules()

  private static func url(_ text: String, _ rules: SourceRules = rules) -> String? {
    guard case .url(let url)? = rules.source(text) else { return nil }
    return url.text
  }

  @Test(arguments: [
    "https://replicate.delivery/xezq/a/out-0.png", "https://pbxt.replicate.delivery/a?b=c&d=%2F",
    "HTTPS://Replicate.Delivery/A", "https://replicate.delivery:443/a", "https://replicate.delivery",
    "https://a.b.c.replicate.delivery/x", "https://replicate.delivery?x",
  ])
  func `a URL of an allowed host is a file`(_ text: String) {
    #expect(Self.url(text) == text)
  }

  @Test(arguments: [
    ("https://replicate.delivery/a b.png", nil),
    ("https://replicate.delivery/a.mp4#t=1", "https://replicate.delivery/a.mp4"),
    ("https://replicate.delivery/ü.png", "https://replicate.delivery/%C3%BC.png"),
    ("https://replicate.delivery/{a|b}^`\"<>", "https://replicate.delivery/%7Ba%7Cb%7D%5E%60%22%3C%3E"),
    ("https://replicate.delivery/a%zz", "https://replicate.delivery/a%zz"),
  ])
  func `a path is sent as visible ASCII without its fragment`(_ text: String, _ expected: String?) {
    #expect(Self.url(text) == expected)
  }

  @Test(arguments: [
    "", "a", "see https://replicate.delivery/a.png", " https://replicate.delivery/a",
    "https://replicate.delivery/a\n",
    "http://replicate.delivery/a", "ftp://replicate.delivery/a", "//replicate.delivery/a",
    "https:/replicate.delivery/a",
    "https:replicate.delivery", "https:///replicate.delivery/a", "https://replicate.delivery.evil.test/a",
    "https://replicate.delivery@evil.test/a", "https://evil.test@replicate.delivery/a",
    "https://user:pass@replicate.delivery/a", "https://evilreplicate.delivery/a", "https://delivery/a",
    "https://evil.test/https://replicate.delivery/a", "https://evil.test#.replicate.delivery/",
    "https://evil.test?.replicate.delivery", "https://evil.test\\.replicate.delivery/a",
    "https://evil.test\\@replicate.delivery/a", "https://replicate.delivery\\@evil.test/",
    "https://replicate.delivery\t.evil.test/", "https://replicate.delivery%2eevil.test/",
    "https://replicate.delivery%00.evil.test/", "https://replicate。delivery/a",
    "https://rеplicate.delivery/a",
    "https://replicate.delivery./a", "https://.replicate.delivery/a", "https://replicate.delivery:80/a",
    "https://replicate.delivery:8443/", "https://replicate.delivery:0443x/", "https://replicate.delivery:/a",
    "https://169.254.169.254/latest/meta-data/", "http://169.254.169.254/", "https://[::1]/",
    "https://2130706433/",
    "https://127.0.0.1/a", "https://0x7f.1/", "https://localhost/a", "https://[::ffff:169.254.169.254]/",
    "https://replicate.delivery/a\\..\\b", "https://replicate.delivery/\u{7F}",
    "https://replicate.delivery/\0",
    "https://replicate.delivery/\u{1}", "file:///etc/passwd", "gopher://replicate.delivery/",
    "javascript:alert(1)",
    "https://xn--replicate.delivery:443@evil.test/", "{\"url\": \"https://replicate.delivery/a\"}",
  ])
  func `any other string is text`(_ text: String) {
    #expect(Self.rules.source(text) == nil)
  }

  @Test func `the length of a URL is bounded`() {
    let start = "https://replicate.delivery/"
    let longest = start + String(repeating: "ü", count: (SourceRules.maxBytes - start.utf8.count) / 2)
    #expect(Self.url(longest) != nil)
    #expect(Self.url(longest + "aa") == nil)
    #expect(Self.url(start + String(repeating: "a", count: 1 << 20)) == nil)
  }

  @Test func `exactly the origin of an API on this machine is allowed besides`() {
    let rules = SourceRules(apiURL: "http://127.0.0.1:4000/v1")
    #expect(Self.url("http://127.0.0.1:4000/files/a", rules) != nil)
    #expect(Self.url("https://replicate.delivery/a", rules) != nil)
    for text in [
      "http://127.0.0.1:4001/a", "https://127.0.0.1:4000/a", "http://127.0.0.1/a", "http://127.0.0.2:4000/",
      "http://localhost:4000/a", "http://[::1]:4000/a", "http://127.0.0.1:4000@evil.test/",
      "http://user@127.0.0.1:4000/", "http://2130706433:4000/a", "http://0x7f000001:4000/",
      "http://127.1:4000/", "http://[::ffff:127.0.0.1]:4000/a", "http://169.254.169.254/",
    ] {
      #expect(rules.source(text) == nil, "\(text)")
    }
    #expect(Self.url("http://localhost/a", SourceRules(apiURL: "http://localhost")) != nil)
    #expect(Self.url("http://localhost:80/a", SourceRules(apiURL: "http://localhost/")) != nil)
  }

  @Test(arguments: [
    "https://api.replicate.com", "http://10.0.0.1:4000", "http://169.254.169.254", "http://[fd00::1]/",
    "none",
    "http://localhost.evil.test",
  ])
  func `another API opens no origin`(_ apiURL: String) {
    let rules = SourceRules(apiURL: apiURL)
    #expect(rules.source("\(apiURL)/a") == nil)
  }

  @Test func `an address is public unless a proxy opens it or the origin is loopback`() throws {
    let file = try #require(Self.rules.url("https://replicate.delivery/a"))
    #expect(Self.rules.addresses(for: file) == .publicAddresses())
    #expect(SourceRules(isProxied: true).addresses(for: file) == .everyAddress)
    let local = SourceRules(apiURL: "http://127.0.0.1:4000", isProxied: true)
    let policy = local.addresses(for: try #require(local.url("http://127.0.0.1:4000/a")))
    for (address, isAllowed) in [
      ("127.0.0.1", true), ("::1", true), ("10.0.0.1", false), ("8.8.8.8", false), ("169.254.169.254", false),
    ] {
      #expect((policy.refusal(of: try #require(IPAddress(address))) == nil) == isAllowed, "\(address)")
    }
  }

  @Test(arguments: [
    ("replicate.delivery", ["replicate.delivery"]),
    ("a.test, B.test c.test", ["a.test", "b.test", "c.test"]),
  ])
  func `hosts are parsed`(_ text: String, _ names: [String]) throws {
    #expect(try SourceHosts(parsing: text).names == names)
  }

  @Test(arguments: [
    ("", SourceHosts.ParseError.empty), (" , ", .empty), ("com", .noDomain("com")),
    ("localhost", .noDomain("localhost")), ("https://a.test", .notAHost("https://a.test")),
    ("a.test:443", .notAHost("a.test:443")), ("a.test/b", .notAHost("a.test/b")),
    ("*.a.test", .notAHost("*.a.test")), ("127.0.0.1", .notAHost("127.0.0.1")), ("[::1]", .notAHost("[::1]")),
    ("user@a.test", .notAHost("user@a.test")), (".a.test", .notAHost(".a.test")),
    ("ü.test", .notAHost("ü.test")),
    (Array(repeating: "a.test", count: 65).joined(separator: ","), .tooMany),
  ])
  func `a host that is none is refused`(_ text: String, _ error: SourceHosts.ParseError) {
    #expect(throws: error) { try SourceHosts(parsing: text) }
    #expect(!error.description.isEmpty)
  }

  @Test(arguments: [
    ("https://replicate.delivery/b", "https://replicate.delivery/b"), ("//a.test/b", "https://a.test/b"),
    ("/b?c", "https://replicate.delivery/b?c"), ("b", "https://replicate.delivery/x/b"),
    ("../b", "https://replicate.delivery/x/../b"), ("?b", "https://replicate.delivery/x/y?b"),
    ("", "https://replicate.delivery/x/y"), ("http://a.test", "http://a.test"), ("a:b", "a:b"),
    ("b/c:d", "https://replicate.delivery/x/b/c:d"), ("?a:b", "https://replicate.delivery/x/y?a:b"),
    ("\\\\evil.test/", "https://replicate.delivery/x/\\\\evil.test/"),
  ])
  func `a location is resolved`(_ location: String, _ expected: String) throws {
    let base = try #require(Self.rules.url("https://replicate.delivery/x/y?z=/w"))
    #expect(Redirection.resolve(location, against: base) == expected)
  }

  @Test(arguments: ["@evil.test/", ".evil.test/", ":8443/"])
  func `a relative location cannot change the host`(_ location: String) throws {
    let base = try #require(Self.rules.url("https://replicate.delivery"))
    #expect(Redirection.resolve(location, against: base) == "https://replicate.delivery/\(location)")
  }

  /// What a URL is made of, and what makes parsers disagree.
  private static let pieces = [
    "https://", "http://", "HTTPS:", "//", "/", "\\", "@", ":", "443", "80", "?", "#", "%", "%2e", "%40",
    "%00",
    ".", "..", "[::1]", "127.0.0.1", "evil.test", "replicate.delivery", "replicate.delivery", "a.", "-", "_",
    ";", "&", "=", "\t", "\n", " ", "\0", "ü", "。", "\u{FF0F}", "\u{2100}", "user", "x", "'", "\"", "<", "|",
    "^",
  ]

  /// Foundation reads each URL that is accepted as one of an allowed host.
  @Test(arguments: 0..<8)
  func `no mixture of pieces leads to another host`(_ seed: UInt32) {
    var state = seed
    func next(_ count: Int) -> Int {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Int(state >> 8) % count
    }
    var accepted = 0
    for _ in 0..<4000 {
      var text = next(4) == 0 ? "" : "https://"
      for _ in 0..<(1 + next(7)) { text += Self.pieces[next(Self.pieces.count)] }
      guard let url = Self.url(text) else { continue }
      accepted += 1
      let parts = URLComponents(string: url)
      #expect(
        parts?.scheme?.lowercased() == "https" && parts?.user == nil && parts?.password == nil, "\(text)")
      #expect(parts?.port == nil || parts?.port == 443, "\(text)")
      let host = parts?.host?.lowercased() ?? ""
      #expect(host == "replicate.delivery" || host.hasSuffix(".replicate.delivery"), "\(text)")
    }
    #expect(accepted > 20)
  }
}
