/// The comparison of paths.
///
/// See RFC 9110 section 4.2.3, and RFC 3986 sections 2 and 6.
enum PathCases {
  /// Paths that a server must not serve as the GET target.
  private static let absent = Rule.answered(400, 403, 404)
  /// Paths that a server may normalize although the client should have.
  private static let doubtful = Rule.answered(400, 403, 404).lenient(.found).lenient(
    .answered(301, 302, 307, 308))

  private static let elsewhere = [
    ("encoded-null", "{get}%00"), ("encoded-null-within", "/heal%00thz"),
    ("other-case", "/HEALTHZ"), ("plus", "/heal+thz"), ("longer", "{get}x"), ("encoded-space", "{get}%20"),
    ("above-root", "/../../../../etc/passwd"), ("above-root-encoded", "/%2e%2e/%2e%2e/etc/passwd"),
    ("above-root-encoded-slash", "/..%2f..%2fetc/passwd"),
    ("above-root-backslash", "/..%5c..%5cetc%5cpasswd"),
    ("overlong-slash", "/..%c0%af..%c0%afetc/passwd"), ("overlong-dots", "/%c0%ae%c0%ae/etc/passwd"),
    ("overlong-letter", "/%c1%a8ealthz"), ("three-byte-overlong", "/%e0%80%af"), ("surrogate", "/%ed%a0%80"),
    ("bad-utf-8", "/%ff"), ("encoded-slash-alone", "/%2f%2f"), ("encoded-slash-before", "/%2fhealthz"),
    ("encoded-slash-after", "{get}%2fx"), ("encoded-backslash", "{get}%5c"), ("header-injection", injection),
    ("encoded-question-mark", "{get}%3fa"), ("encoded-hash", "{get}%23a"),
  ]
  private static let malformed = [
    ("percent-alone", "/%"), ("percent-one-digit", "/%2"), ("percent-letters", "/%zz"),
    ("percent-u", "/%u0041"),
    ("percent-at-end", "{get}%"), ("percent-space", "/%20%"), ("percent-sign", "/%+1"),
  ]
  private static let dotted = [
    ("dot", "/.{get}"), ("dot-dot", "/..{get}"), ("up-and-down", "/a/..{get}"), ("dot-encoded", "/%2e{get}"),
    ("dot-dot-encoded", "/%2e%2e{get}"), ("up-and-down-encoded", "/a/%2E%2E{get}"), ("dot-at-end", "{get}/."),
    ("dot-dot-half-encoded", "/a/.%2e{get}"), ("up-at-end", "{get}/a/.."),
  ]

  /// Different paths by RFC 3986.
  ///
  /// The server chooses the resource of a path (RFC 9110 section 4.2.3).
  private static let doubledSlashes = [("double-slash", "/{get}"), ("triple-slash", "//{get}")]

  static let table: [ConformanceCase] =
    [
      .row("percent-encoded-letter", "9110 4.2.3", get("GET {%get} HTTP/1.1"), .found.stricter(absent)),
      .row("percent-encoded-on-post", "9110 4.2.3", encodedPost, .accepted.stricter(absent)),
      .row("double-encoded", "3986 2.4", get("GET /%2568ealthz HTTP/1.1"), absent),
      .row(
        "parameters", "3986 3.3", get("GET {get};a=b HTTP/1.1"), absent.lenient(.found)),
      .row("query-null", "3986 3.4", get("GET {get}?a=%00 HTTP/1.1"), .found.or(.refused(400))),
      .row("query-malformed-percent", "3986 2.1", get("GET {get}?a=%zz HTTP/1.1"), .found.or(.refused(400))),
      .row("query-utf-8", "3986 2.5", get("GET {get}?a=%E6%97%A5 HTTP/1.1"), .found),
      .row(
        "query-injection", "9110 5.5", get("GET {get}?a=%0d%0aX-Injected:%201 HTTP/1.1"), .found.or(absent)),
      .row("trailing-slash", "9110 15.4", get("GET {get}/ HTTP/1.1"), .found).needing(.trailingSlash),
      .row(
        "trailing-slash-on-post", "9110 15.4",
        "POST {post}/ HTTP/1.1\r\nHost: {host}\r\n{auth}Content-Length: 5\r\n\r\nhello", .accepted
      ).needing(.trailingSlash),
      .row("two-trailing-slashes", "9110 4.2.3", get("GET {get}// HTTP/1.1"), absent.or(.found))
        .needing(.trailingSlash),
    ]
    + elsewhere.map { .row($0, "3986 6.2.2", get("GET \($1) HTTP/1.1"), doubtful) }
    + doubledSlashes.map { .row($0, "9110 4.2.3", get("GET \($1) HTTP/1.1"), absent.or(.found)) }
    + malformed.map { .row($0, "3986 2.1", get("GET \($1) HTTP/1.1"), absent) }
    + dotted.map { .row($0, "3986 5.2.4", get("GET \($1) HTTP/1.1"), doubtful) }

  private static let injection = "/x%0d%0aX-Injected:%201"
  private static let encodedPost =
    "POST {%post} HTTP/1.1\r\nHost: {host}\r\n{auth}Content-Length: 5\r\n\r\nhello"
}
