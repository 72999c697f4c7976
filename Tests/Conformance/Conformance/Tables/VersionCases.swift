/// RFC 9112 section 2.3: `HTTP/` DIGIT `.` DIGIT, in upper case.
enum VersionCases {
  private static let malformed = [
    ("lower-case", "http/1.1"), ("mixed-case", "Http/1.1"), ("no-name", "/1.1"), ("no-slash", "HTTP1.1"),
    ("two-digits", "HTTP/1.10"), ("leading-zero", "HTTP/01.1"), ("no-minor", "HTTP/1"),
    ("dot-only", "HTTP/1."),
    ("no-major", "HTTP/.1"), ("comma", "HTTP/1,1"), ("letter", "HTTP/1.1a"), ("letter-as-digit", "HTTP/1.x"),
    ("third-part", "HTTP/1.1.1"), ("negative", "HTTP/-1.1"), ("plus", "HTTP/+1.1"), ("no-dot", "HTTP/11"),
    ("https", "HTTPS/1.1"), ("other-name", "ICY/1.1"), ("full-width-digit", "HTTP/１.1"),
    ("nul", "HTTP/1.1\u{0}"), ("empty-after-slash", "HTTP/"),
  ]

  static let table: [ConformanceCase] =
    [
      .row("1.0-without-host", "9112 3.2", "GET {get} HTTP/1.0\r\n\r\n", .found.closed),
      .row("1.0-with-host", "9112 2.3", get("GET {get} HTTP/1.0"), .found.closed),
      .row("1.2", "9110 2.5", get("GET {get} HTTP/1.2"), .found.stricter(.refused(400, 505))),
      .row("1.9", "9110 2.5", get("GET {get} HTTP/1.9"), .found.stricter(.refused(400, 505))),
      .row("2.0", "9110 15.6.6", get("GET {get} HTTP/2.0"), .refused(505, 400).lenient(.found)),
      .row("3.0", "9110 15.6.6", get("GET {get} HTTP/3.0"), .refused(505, 400).lenient(.found)),
      .row("0.9", "9110 15.6.6", get("GET {get} HTTP/0.9"), .refused(505, 400).lenient(.found.keptOrClosed)),
      .row("9.9", "9110 15.6.6", get("GET {get} HTTP/9.9"), .refused(505, 400).lenient(.found)),
    ]
    + malformed.map { name, version in
      .row(
        name, "9112 2.3", get("GET {get} \(version)"),
        .refused(400, 505).lenient(.found.keptOrClosed).lenient(.withoutHead))
    }
}
