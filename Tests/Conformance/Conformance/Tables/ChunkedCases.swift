/// RFC 9112 section 7.1: the chunked transfer coding.
enum ChunkedCases {
  private static let refused = Rule.refused(400)
  private static let lenient = Rule.refused(400).lenient(.accepted.keptOrClosed)
  private static let tooMuch = Rule.refused(400, 413, 431).lenient(.accepted.keptOrClosed)

  /// Chunk sizes that mean 5, or nothing.
  private static let sizes = [
    ("hex-prefix", "0x5"), ("hex-prefix-upper-case", "0X5"), ("plus", "+5"), ("minus", "-5"),
    ("decimal", "5.0"),
    ("word", "five"), ("letter-g", "5g"), ("h-suffix", "5h"), ("underscore", "0_5"), ("nul", "5\u{0}"),
    ("full-width", "５"), ("comma", "5,"), ("quote", "\"5\""), ("obs-text", "5{xA0}"), ("colon", "5:"),
    ("equals", "5="), ("two-sizes", "5 5"), ("empty", ""), ("extension-alone", ";a"), ("hash", "5#"),
  ]
  /// Whitespace that the grammar does not allow.
  private static let spaced = [
    ("space-before", " 5"), ("tab-before", "\t5"), ("space-after", "5 "), ("tab-after", "5\t"),
    ("spaces-after", "5    "), ("vertical-tab-after", "5\u{0B}"), ("form-feed-after", "5\u{0C}"),
  ]
  private static let overflowing = [
    ("uint64", "FFFFFFFFFFFFFFFF"), ("uint64-plus-6", "10000000000000005"),
    ("int64-plus-1", "8000000000000000"),
    ("uint32-of-uint64", "F00000000000000000000005"), ("200-digits", "{F*200}"), ("wraps-to-5", "1{0*31}5"),
  ]
  private static let extensions = [
    ("name", ";a"), ("value", ";a=b"), ("quoted", ";a=\"b\""), ("quoted-semicolon", ";a=\"b;c\""),
    ("quoted-pair", ";a=\"b\\\"c\""), ("quoted-colon", ";a=\"b:c\""), ("two", ";a=b;c=d"),
    ("spaces", " ; a = b"),
    ("of-200", ";{a*200}"),
  ]
  private static let badExtensions = [
    ("empty", ";"), ("no-name", ";=b"), ("no-value", ";a="), ("open-quote", ";a=\"b"), ("nul", ";a\u{0}"),
    ("control", ";a=\u{1}"), ("delete", ";a=\u{7F}"), ("bare-lf", ";a\nb"), ("bare-cr", ";a\rb"),
    ("cr-cr", ";a\r\r"), ("quoted-cr-lf", ";a=\"\r\n\""), ("obs-text-name", ";{xE9}"),
    ("space-in-name", ";a b"),
  ]

  static let table: [ConformanceCase] =
    [
      .row("one", "9112 7.1", chunks("5\r\nhello\r\n0\r\n\r\n"), .accepted),
      .row("empty-body", "9112 7.1", chunks("0\r\n\r\n"), .accepted),
      .row("three", "9112 7.1", chunks("1\r\nh\r\n2\r\nel\r\n2\r\nlo\r\n0\r\n\r\n"), .accepted),
      .row("hex-lower-case", "9112 7.1", chunks("a\r\n0123456789\r\n0\r\n\r\n"), .accepted),
      .row("hex-upper-case", "9112 7.1", chunks("A\r\n0123456789\r\n0\r\n\r\n"), .accepted),
      .row("hex-two-digits", "9112 7.1", chunks("1f\r\n{a*31}\r\n0\r\n\r\n"), .accepted),
      .row("leading-zeros", "9112 7.1", chunks("0005\r\nhello\r\n0\r\n\r\n"), .accepted.stricter(refused)),
      .row(
        "leading-zeros-20", "9112 7.1", chunks("{0*20}5\r\nhello\r\n0\r\n\r\n"), .accepted.stricter(refused)),
      .row("leading-zeros-5000", "9112 7.1", chunks("{0*5000}5\r\nhello\r\n0\r\n\r\n"), tooMuch),
      .row("last-of-zeros", "9112 7.1", chunks("5\r\nhello\r\n0000\r\n\r\n"), .accepted.stricter(refused)),
      .row(
        "last-with-extension", "9112 7.1.1", chunks("5\r\nhello\r\n0;a=b\r\n\r\n"),
        .accepted.stricter(refused)),
      .row("data-like-a-chunk", "9112 7.1", chunks("9\r\n0\r\n\r\nGET \r\n0\r\n\r\n"), .accepted),
      .row("data-of-crlf", "9112 7.1", chunks("4\r\n\r\n\r\n\r\n0\r\n\r\n"), .accepted),
      .row(
        "next-request", "9112 7.1", chunks("5\r\nhello\r\n0\r\n\r\n") + get("GET {get} HTTP/1.1"),
        .sequence([.accepted, .found])),
      .row(
        "data-is-a-request", "9112 7.1",
        chunks("2b\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n\r\n0\r\n\r\n"),
        .accepted),
      .row("100-chunks", "9112 7.1", chunks(many("1\r\na\r\n", 100) + "0\r\n\r\n"), .accepted),
      .row("bare-lf-after-size", "9112 7.1", chunks("5\nhello\r\n0\r\n\r\n"), lenient),
      .row("bare-lf-after-data", "9112 7.1", chunks("5\r\nhello\n0\r\n\r\n"), lenient),
      .row("bare-lf-after-last", "9112 7.1", chunks("5\r\nhello\r\n0\n\r\n"), lenient),
      .row("bare-lf-at-end", "9112 7.1", chunks("5\r\nhello\r\n0\r\n\n"), lenient.or(.waiting)),
      .row("bare-lf-throughout", "9112 7.1", chunks("5\nhello\n0\n\n"), lenient),
      .row("bare-cr-after-size", "9112 7.1", chunks("5\rhello\r\n0\r\n\r\n"), refused),
      .row("bare-cr-after-data", "9112 7.1", chunks("5\r\nhello\r0\r\n\r\n"), refused),
      .row("cr-cr-lf-after-size", "9112 7.1", chunks("5\r\r\nhello\r\n0\r\n\r\n"), lenient),
      .row("cr-cr-lf-after-data", "9112 7.1", chunks("5\r\nhello\r\r\n0\r\n\r\n"), refused),
      .row("nothing-after-data", "9112 7.1", chunks("5\r\nhello0\r\n\r\n"), refused),
      .row("two-bytes-after-data", "9112 7.1", chunks("5\r\nhelloXX0\r\n\r\n"), lenient),
      .row("spaces-after-data", "9112 7.1", chunks("5\r\nhello  \r\n0\r\n\r\n"), refused),
      .row("empty-line-after-data", "9112 7.1", chunks("5\r\nhello\r\n\r\n0\r\n\r\n"), refused),
      .row("data-longer-than-size", "9112 7.1", chunks("3\r\nhello\r\n0\r\n\r\n"), refused),
      .row("data-shorter-than-size", "9112 7.1", chunks("7\r\nhello\r\n0\r\n\r\n"), refused),
      .row("no-size", "9112 7.1", chunks("hello\r\n0\r\n\r\n"), refused),
      .row(
        "cut-off-in-data", "9112 8", [.send(chunks("5\r\nhel")), .halfClose], cutOff),
      .row("cut-off-after-data", "9112 8", [.send(chunks("5\r\nhello\r\n")), .halfClose], cutOff),
      .row(
        "cut-off-in-trailers", "9112 8", [.send(chunks("5\r\nhello\r\n0\r\nA: b\r\n")), .halfClose], cutOff),
      .row("size-line-of-100000", "9112 7.1", chunks("{0*100000}5\r\nhello\r\n0\r\n\r\n"), tooMuch),
      .row("extension-of-100000", "9112 7.1.1", chunks("5;{a*100000}\r\nhello\r\n0\r\n\r\n"), tooMuch),
      .row(
        "extensions-of-400000", "9112 7.1.1",
        chunks(many("1;{a*400}\r\nx\r\n", 1000) + "0\r\n\r\n"), tooMuch),
      .row("trailer", "9112 7.1.2", trailers("A: b\r\n"), .accepted),
      .row("trailers", "9112 7.1.2", trailers("A: b\r\nC: d\r\n"), .accepted),
      .row("trailer-content-length", "9110 6.5.1", trailers("Content-Length: 50\r\n"), .accepted),
      .row("trailer-transfer-encoding", "9110 6.5.1", trailers("Transfer-Encoding: chunked\r\n"), .accepted),
      .row("trailer-host", "9110 6.5.1", trailers("Host: other.example\r\n"), .accepted),
      .row("trailer-connection", "9110 6.5.1", trailers("Connection: close\r\n"), .accepted),
      .row("trailer-space-before-colon", "9112 5.1", trailers("A : b\r\n"), lenient),
      .row("trailer-without-colon", "9112 5", trailers("abc\r\n"), lenient),
      .row("trailer-folded", "9112 5.2", trailers("A: b\r\n c\r\n"), lenient),
      .row("trailer-bare-lf", "9112 2.2", trailers("A: b\nC: d\r\n"), lenient),
      .row("trailer-nul", "9110 5.5", trailers("A: \u{0}\r\n"), lenient),
      .row("trailer-that-is-a-request", "9112 5", trailers("GET /smuggled HTTP/1.1\r\n"), lenient),
      .row("trailer-of-100000", "9110 5.4", trailers("A: {b*100000}\r\n"), tooMuch),
      .row("trailers-5000", "9110 5.4", trailers(many("A: b\r\n", 5000)), tooMuch),
    ]
    + sizes.map { .row("size-\($0)", "9112 7.1", sized($1), lenient) }
    + spaced.map { .row("size-\($0)", "9112 7.1", sized($1), lenient) }
    + overflowing.map { .row("overflow-\($0)", "9112 7.1", sized($1), .refused(400, 413).lenient(.waiting)) }
    + extensions.map {
      .row("extension-\($0)", "9112 7.1.1", sized("5\($1)"), .accepted.stricter(refused))
    }
    + badExtensions.map { .row("bad-extension-\($0)", "9112 7.1.1", sized("5\($1)"), lenient) }

  private static let cutOff = Rule.silence.or(.answered(400, 408, 499, 500).closed)

  private static func sized(_ size: String) -> String { chunks("\(size)\r\nhello\r\n0\r\n\r\n") }

  private static func trailers(_ lines: String) -> String { chunks("5\r\nhello\r\n0\r\n\(lines)\r\n") }

  private static func many(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
}
