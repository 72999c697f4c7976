/// One valid Host, or 400 (RFC 9112 section 3.2).
enum HostCases {
  private static let invalid = [
    ("space", "a b"), ("tab", "a\tb"), ("slash", "a/b"), ("path", "{host}/"), ("userinfo", "user@a.example"),
    ("two-ports", "a:80:80"), ("letter-port", "a:8x"), ("negative-port", "a:-80"), ("open-literal", "[::1"),
    ("closed-literal", "::1]"), ("bad-literal", "[zz]"), ("empty-literal", "[]"), ("after-literal", "[::1]x"),
    ("url", "http://a.example"), ("query", "a?b"), ("fragment", "a#b"), ("backslash", "a\\b"),
    ("angle", "<a>"), ("quote", "\"a\""), ("brace-like", "a|b"), ("caret", "a^b"), ("half-percent", "a%2"),
    ("nul", "a\u{0}b"), ("control", "a\u{1}b"), ("delete", "a\u{7F}b"), ("obs-text", "a{xE9}b"),
    ("bare-address-6", "::1"), ("space-before-port", "a :80"),
  ]
  private static let valid = [
    ("name", "a.example"), ("name-port", "a.example:8080"), ("empty-port", "a.example:"),
    ("address", "127.0.0.1"), ("address-6", "[::1]"), ("address-6-port", "[::1]:80"),
    ("address-6-mapped", "[::ffff:127.0.0.1]"), ("upper-case", "A.EXAMPLE"), ("trailing-dot", "a.example."),
    ("label-alone", "localhost"), ("underscore", "a_b"), ("hyphens", "a--b"),
  ]

  static let table: [ConformanceCase] =
    [
      .row("missing", "9112 3.2", "GET {get} HTTP/1.1\r\n\r\n", .refused(400)),
      .row("missing-among-fields", "9112 3.2", "GET {get} HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n", .refused(400)),
      .row("missing-on-post", "9112 3.2", missingOnPost, .refused(400)),
      .row("missing-on-1.2", "9112 3.2", "GET {get} HTTP/1.2\r\n\r\n", .refused(400, 505)),
      .row("repeated", "9112 3.2", get(fields: "Host: {host}"), .refused(400)),
      .row("repeated-differing", "9112 3.2", get(fields: "Host: other.example"), .refused(400)),
      .row("repeated-other-case", "9112 3.2", get(fields: "hOST: {host}"), .refused(400)),
      .row("repeated-empty", "9112 3.2", get(fields: "Host:"), .refused(400)),
      .row(
        "repeated-on-1.0", "9112 3.2", "GET {get} HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        .refused(400).closed),
      .row("list", "9112 3.2", host("a.example, b.example"), .refused(400)),
      .row("empty", "9112 3.2", host(""), .found.or(.refused(400))),
      .row("port-alone", "9110 7.2", host(":80"), .refused(400).or(.found)),
      .row("empty-beside-absolute", "9112 3.2.2", absolute(host: ""), .found.or(.refused(400))),
      .row("malformed-beside-absolute", "9112 3.2", absolute(host: "a b"), .refused(400)),
      .row("overridden-by-absolute", "9112 3.2.2", absolute(host: "other.example"), .found),
      .row("lower-case-name", "9110 5.1", "GET {get} HTTP/1.1\r\nhost: {host}\r\n\r\n", .found),
      .row("no-space", "9112 5", "GET {get} HTTP/1.1\r\nHost:{host}\r\n\r\n", .found),
      .row(
        "much-space", "9112 5", "GET {get} HTTP/1.1\r\nHost: \t  {host}\t \r\n\r\n",
        .found.stricter(.refused(400))),
      .row("last", "9110 5.3", "GET {get} HTTP/1.1\r\nA: b\r\nHost: {host}\r\n\r\n", .found),
      .row("space-before-colon", "9112 5.1", "GET {get} HTTP/1.1\r\nHost : {host}\r\n\r\n", .refused(400)),
      .row(
        "folded", "9112 5.2", "GET {get} HTTP/1.1\r\nHost:\r\n {host}\r\n\r\n",
        .refused(400).lenient(.found)),
      .row("percent-encoded", "9110 4.2.3", host("%61.example"), .found.stricter(.refused(400))),
      .row("star", "9110 7.2", host("*"), .found.or(.refused(400, 404, 421))),
      .row("huge-port", "9110 7.2", host("a.example:99999"), .found.or(.refused(400, 421))),
      .row("overflowing-port", "9110 7.2", host("a.example:{9*40}"), .refused(400, 421).lenient(.found)),
      .row("of-4000", "9110 7.2", host("{a*4000}"), .refused(400, 404, 421, 431).or(.found)),
      .row("forwarded", "9112 3.2", get(fields: "X-Forwarded-Host: other.example"), .found),
    ]
    + invalid.map { .row("invalid-\($0)", "9112 3.2", host($1), .refused(400)) }
    + valid.map { .row("valid-\($0)", "9110 7.2", host($1), .found.stricter(.refused(400, 404, 421))) }

  private static let missingOnPost = "POST {post} HTTP/1.1\r\n{auth}Content-Length: 5\r\n\r\nhello"

  private static func host(_ value: String) -> String {
    "GET {get} HTTP/1.1\r\nHost: \(value)\r\n\r\n"
  }

  private static func absolute(host: String) -> String {
    "GET http://{host}{get} HTTP/1.1\r\nHost: \(host)\r\n\r\n"
  }
}
