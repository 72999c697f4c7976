/// RFC 9112 section 6.1: valid transfer codings, and fields that exclude them.
enum TransferEncodingCases {
  private static let body = "5\r\nhello\r\n0\r\n\r\n"
  /// 501 for an unknown coding, 400 if the length is undetermined.
  private static let refused = Rule.closing(400, 501)
  private static let lenient = refused.lenient(.accepted.keptOrClosed)
  /// Both lengths: the connection must close in any case (section 6.1).
  private static let bothLengths = Rule.closing(400).lenient(.accepted.closed)

  private static let unknown = [
    ("gzip", "gzip"), ("identity", "identity"), ("x-chunked", "xchunked"), ("chunked-x", "chunkedx"),
    ("hyphen", "chunked-"), ("gzip-last", "chunked, gzip"), ("identity-last", "chunked, identity"),
    ("spaces-inside", "chun ked"), ("quoted", "\"chunked\""), ("single-quoted", "'chunked'"),
    ("nul", "chunked\u{0}"), ("vertical-tab-before", "\u{0B}chunked"),
    ("vertical-tab-after", "chunked\u{0B}"),
    ("form-feed", "\u{0C}chunked"), ("non-breaking-space", "{xA0}chunked"), ("kelvin-sign", "chun\u{212A}ed"),
    ("long-s", "chunked\u{17F}"), ("slash", "chunked/1"), ("brackets", "[chunked]"), ("colon", ": chunked"),
    ("cr", "\rchunked"), ("deflate", "deflate"), ("word", "none"), ("number", "5"), ("percent", "%63hunked"),
  ]
  /// Spellings that some parsers accept as chunked.
  private static let doubtful = [
    ("gzip-first", "gzip, chunked"), ("identity-first", "identity, chunked"), ("twice", "chunked, chunked"),
    ("parameter", "chunked;a=b"), ("semicolon", "chunked;"), ("weight", "chunked;q=1"),
  ]

  static let table: [ConformanceCase] =
    [
      .row("chunked", "9112 6.1", coded("chunked"), .accepted),
      .row("upper-case", "9112 7", coded("CHUNKED"), .accepted),
      .row("mixed-case", "9112 7", coded("cHuNkEd"), .accepted),
      .row("lower-case-name", "9110 5.1", post("transfer-encoding: chunked", body: body), .accepted),
      .row("no-space", "9112 5", post("Transfer-Encoding:chunked", body: body), .accepted),
      .row(
        "tab-before", "9112 5", post("Transfer-Encoding:\tchunked", body: body), .accepted.stricter(refused)),
      .row("space-after", "9112 5", coded("chunked  \t"), .accepted.stricter(refused)),
      .row("empty-member-before", "9110 5.6.1", coded(", chunked"), .accepted.stricter(refused)),
      .row("empty-member-after", "9110 5.6.1", coded("chunked,"), .accepted.stricter(refused)),
      .row("with-length", "9112 6.1", both("Content-Length: 5", "Transfer-Encoding: chunked"), bothLengths),
      .row("before-length", "9112 6.1", both("Transfer-Encoding: chunked", "Content-Length: 5"), bothLengths),
      .row(
        "with-true-length", "9112 6.1", both("Content-Length: 15", "Transfer-Encoding: chunked"),
        bothLengths),
      .row(
        "with-zero-length", "9112 6.1", both("Content-Length: 0", "Transfer-Encoding: chunked"), bothLengths),
      .row(
        "with-invalid-length", "9112 6.1", both("Content-Length: five", "Transfer-Encoding: chunked"),
        bothLengths),
      .row("gzip-with-length", "9112 6.1", both("Content-Length: 15", "Transfer-Encoding: gzip"), refused),
      .row("empty-with-length", "9112 6.1", both("Content-Length: 15", "Transfer-Encoding:"), lenient),
      .row("empty", "9112 6.1", coded(""), lenient),
      .row(
        "two-lines", "9112 6.1", both("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), lenient),
      .row(
        "gzip-line-then-chunked", "9112 6.1", both("Transfer-Encoding: gzip", "Transfer-Encoding: chunked"),
        lenient),
      .row(
        "chunked-line-then-gzip", "9112 6.1", both("Transfer-Encoding: chunked", "Transfer-Encoding: gzip"),
        refused),
      .row(
        "chunked-line-then-identity", "9112 6.1",
        both("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), refused),
      .row(
        "chunked-line-then-unknown", "9112 6.1", both("Transfer-Encoding: chunked", "Transfer-encoding: cow"),
        refused),
      .row(
        "on-1.0", "9112 6.1", http10("Transfer-Encoding: chunked"),
        .closing(400, 501).lenient(.accepted.closed)),
      .row(
        "on-1.0-keep-alive", "9112 6.1", http10("Connection: keep-alive\r\nTransfer-Encoding: chunked"),
        .closing(400, 501).lenient(.accepted.closed)),
      .row(
        "on-1.0-with-length", "9112 6.1", http10("Content-Length: 15\r\nTransfer-Encoding: chunked"),
        .closing(400, 501).lenient(.accepted.closed)),
      .row(
        "space-before-colon", "9112 5.1", post("Transfer-Encoding : chunked", body: body), .refused(400)),
      .row(
        "space-before-colon-with-length", "9112 5.1",
        both("Content-Length: 15", "Transfer-Encoding : chunked"), .refused(400)),
      .row(
        "folded", "9112 5.2", both("Transfer-Encoding:", " chunked"), .refused(400, 501).lenient(.accepted)),
      .row(
        "folded-name", "9112 5.2", post("A: b", " Transfer-Encoding: chunked"),
        .refused(400, 411).lenient(.accepted)),
      .row(
        "after-bare-lf", "9112 2.2", both("A: b\nTransfer-Encoding: chunked", "B: c"),
        .refused(400).lenient(.accepted)),
      .row(
        "after-bare-cr", "9112 2.2", both("A: b\rTransfer-Encoding: chunked", "B: c"), .refused(400, 411)),
      .row(
        "underscore-name", "9110 5.1", post("Content-Length: 5", "Transfer_Encoding: chunked", body: "hello"),
        .accepted),
      .row(
        "other-name", "9110 5.1", post("Content-Length: 5", "X-Transfer-Encoding: chunked", body: "hello"),
        .accepted),
      .row("te-field", "9110 10.1.4", get(fields: "TE: trailers", "Connection: TE"), .found),
      .row("gzip-on-get", "9112 6.1", get(fields: "Transfer-Encoding: gzip"), refused),
    ]
    + unknown.map { .row("unknown-\($0)", "9112 6.1", coded($1), refused) }
    + doubtful.map { .row("doubtful-\($0)", "9112 6.1", coded($1), lenient) }

  private static func coded(_ value: String) -> String {
    post("Transfer-Encoding: \(value)", body: body)
  }

  private static func both(_ first: String, _ second: String) -> String { post(first, second, body: body) }

  private static func http10(_ fields: String) -> String {
    "POST {post} HTTP/1.0\r\nHost: {host}\r\n{auth}\(fields)\r\n\r\n\(body)"
  }
}
