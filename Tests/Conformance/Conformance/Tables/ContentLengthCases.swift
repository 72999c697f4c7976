/// RFC 9110 section 8.6 and RFC 9112 section 6.3: `Content-Length = 1*DIGIT`.
enum ContentLengthCases {
  /// RFC 9112 section 6.3: unrecoverable, so 400 and close.
  private static let invalid = [
    ("plus", "+5"), ("minus", "-5"), ("minus-zero", "-0"), ("hex", "0x5"), ("hex-digits", "a"),
    ("decimal", "5.0"),
    ("exponent", "5e0"), ("word", "five"), ("space-inside", "5 5"), ("tab-inside", "5\t5"),
    ("semicolon", "5;"),
    ("parameter", "5;a=b"), ("quoted", "\"5\""), ("nul", "5\u{0}"), ("vertical-tab", "\u{0B}5"),
    ("form-feed", "5\u{0C}"), ("full-width", "５"), ("arabic-digit", "٥"), ("underscore", "1_0"),
    ("differing-list", "5, 6"), ("list-with-word", "5, five"), ("list-with-sign", "5, +5"),
    ("percent", "%35"),
    ("octal", "0o5"), ("non-breaking-space", "{xA0}5"), ("brackets", "[5]"), ("comma-alone", ","),
  ]
  private static let overflowing = [
    ("int64-plus-1", "9223372036854775808"), ("uint64", "18446744073709551615"),
    ("uint64-plus-6", "18446744073709551621"), ("40-digits", "{9*40}"), ("300-digits", "1{0*300}"),
    ("uint32-of-uint64", "4294967296000000000000005"),
  ]

  static let table: [ConformanceCase] =
    [
      .row("five", "9110 8.6", length("5"), .accepted),
      .row("zero", "9110 8.6", post("Content-Length: 0"), .accepted),
      .row("lower-case-name", "9110 5.1", post("content-length: 5", body: "hello"), .accepted),
      .row("no-space", "9112 5", post("Content-Length:5", body: "hello"), .accepted),
      .row(
        "space-around", "9112 5", post("Content-Length: \t 5 \t", body: "hello"),
        .accepted.stricter(.refused(400))),
      .row("leading-zeros", "9110 8.6", length("005"), .accepted.stricter(.refused(400))),
      .row("many-leading-zeros", "9110 8.6", length("{0*40}5"), .accepted.stricter(.refused(400))),
      .row("none", "9112 6.3", post(), .accepted.or(.refused(411))),
      .row("empty", "9110 8.6", post("Content-Length:"), .closing(400)),
      .row("spaces-alone", "9110 8.6", post("Content-Length:   "), .closing(400)),
      .row("repeated", "9110 8.6", twice("5", "5"), .closing(400).lenient(.accepted)),
      .row("repeated-differing", "9112 6.3", twice("5", "6"), .closing(400)),
      .row("repeated-differing-first-larger", "9112 6.3", twice("50", "5"), .closing(400)),
      .row("repeated-zero-and-five", "9112 6.3", twice("0", "5"), .closing(400)),
      .row("repeated-leading-zero", "9112 6.3", twice("5", "05"), .closing(400).lenient(.accepted)),
      .row("repeated-invalid", "9112 6.3", twice("5", "five"), .closing(400)),
      .row("repeated-empty", "9112 6.3", twice("5", ""), .closing(400)),
      .row("repeated-thrice", "9110 8.6", thrice, .closing(400).lenient(.accepted)),
      .row("list", "9110 8.6", length("5, 5"), .closing(400).lenient(.accepted)),
      .row("list-without-space", "9110 8.6", length("5,5"), .closing(400).lenient(.accepted)),
      .row("list-with-empty-end", "9110 8.6", length("5,"), .closing(400).lenient(.accepted)),
      .row("list-with-empty-start", "9110 8.6", length(",5"), .closing(400).lenient(.accepted)),
      .row("space-before-colon", "9112 5.1", post("Content-Length : 5", body: "hello"), .refused(400)),
      .row(
        "folded", "9112 5.2", post("Content-Length:", " 5", body: "hello"), .refused(400).lenient(.accepted)),
      .row(
        "folded-digits", "9112 5.2", post("Content-Length: 1", " 0", body: "hellohello"), .refused(400)),
      .row(
        "underscore-name", "9110 5.1", post("Content-Length: 5", "Content_Length: 0", body: "hello"),
        .accepted),
      .row(
        "body-is-a-request", "9112 6.3", post("Content-Length: 43", body: smuggled), .accepted),
      .row(
        "zero-and-next-request", "9112 6.3", post("Content-Length: 0") + get("GET {get} HTTP/1.1"),
        .sequence([.accepted, .found])),
      .row(
        "five-and-next-request", "9112 6.3", length("5") + get("GET {get} HTTP/1.1"),
        .sequence([.accepted, .found])),
      .row(
        "body-cut-off", "9112 8", [.send(post("Content-Length: 10", body: "hello")), .halfClose],
        .silence.or(.answered(400, 408, 499, 500).closed)),
      .row("on-get-invalid", "9112 6.3", get(fields: "Content-Length: five"), .closing(400)),
      .row(
        "on-get-differing", "9112 6.3", get(fields: "Content-Length: 0", "Content-Length: 1"), .closing(400)),
    ]
    + invalid.map { .row("invalid-\($0)", "9112 6.3", length($1), .closing(400)) }
    + overflowing.map { .row("overflow-\($0)", "9110 8.6", length($1), .closing(400, 413)) }

  private static func length(_ value: String) -> String { post("Content-Length: \(value)", body: "hello") }

  private static func twice(_ first: String, _ second: String) -> String {
    post("Content-Length: \(first)", "Content-Length: \(second)", body: "hello")
  }

  private static let thrice = post(
    "Content-Length: 5", "Content-Length: 5", "Content-Length: 5", body: "hello")
  /// 43 bytes.
  private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
}
