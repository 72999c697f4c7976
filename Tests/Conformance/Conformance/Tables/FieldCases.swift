/// RFC 9112 section 5 and RFC 9110 section 5: field lines.
enum FieldCases {
  private static let lenient = Rule.refused(400).lenient(.found)

  /// Names that are not tokens. A server must reject only whitespace before the colon.
  private static let names = [
    ("space", "Na me"), ("at", "Na@me"), ("parenthesis", "Na(me"), ("slash", "a/b"), ("quote", "\"a\""),
    ("bracket", "a[0]"), ("obs-text", "N{xE9}"), ("nul", "N\u{0}"), ("control", "N\u{1}"),
    ("delete", "N\u{7F}"),
    ("comma", "a,b"), ("equals", "a=b"), ("semicolon", "a;b"), ("angle", "<a>"), ("question", "a?"),
  ]
  /// Values that a recipient must reject or replace (RFC 9110 section 5.5).
  private static let values = [
    ("nul", "a\u{0}b"), ("bare-cr", "a\rb"), ("bare-cr-space", "a\r b"), ("control", "a\u{1}b"),
    ("vertical-tab", "a\u{0B}b"), ("form-feed", "a\u{0C}b"), ("escape", "a\u{1B}b"), ("delete", "a\u{7F}b"),
    ("backspace", "a\u{8}b"), ("nul-alone", "\u{0}"), ("cr-cr", "a\r\r"),
  ]
  private static let valid = [
    ("empty", "A:"), ("spaces-alone", "A:   "), ("no-space", "A:b"), ("tabs-around", "A:\tb\t"),
    ("tab-inside", "A: b\tc"), ("obs-text", "A: {xE9}{xFF}{x80}"), ("utf-8", "A: é日本"),
    ("colons", "A: b:c::d"),
    ("quotes", "A: \"b\\\"c"), ("commas", "A: , ,b,"), ("separators", "A: ()<>@;[]?={x7B}{x7D}"),
    ("long", "A: {b*4000}"), ("long-name", "{A*500}: b"), ("tchars", "!#$%&'*+-.^_`|~0: b"),
    ("underscore", "a_b: c"), ("digits", "1: 2"), ("repeated", "A: b\r\nA: c\r\na: d"),
    ("many", "A: b\r\nB: b\r\nC: b\r\nD: b\r\nE: b\r\nF: b\r\nG: b\r\nH: b\r\nI: b\r\nJ: b"),
  ]

  static let table: [ConformanceCase] =
    [
      .row("fold-with-space", "9112 5.2", get(fields: "A: b", " c"), lenient),
      .row("fold-with-tab", "9112 5.2", get(fields: "A: b", "\tc"), lenient),
      .row("fold-with-spaces-alone", "9112 5.2", get(fields: "A: b", "   "), lenient),
      .row("fold-of-empty", "9112 5.2", get(fields: "A:", " b"), lenient),
      .row("fold-that-looks-like-a-field", "9112 5.2", get(fields: "A: b", " Host: other.example"), lenient),
      .row("fold-twice", "9112 5.2", get(fields: "A: b", " c", " d"), lenient),
      .row("space-before-first", "9112 2.2", "GET {get} HTTP/1.1\r\n Host: {host}\r\n\r\n", .refused(400)),
      .row(
        "space-before-first-and-more", "9112 2.2", "GET {get} HTTP/1.1\r\n A: b\r\nHost: {host}\r\n\r\n",
        lenient),
      .row(
        "tab-before-first", "9112 2.2", "GET {get} HTTP/1.1\r\n\tA: b\r\nHost: {host}\r\n\r\n", lenient),
      .row("space-before-colon", "9112 5.1", get(fields: "A : b"), .refused(400)),
      .row("tab-before-colon", "9112 5.1", get(fields: "A\t: b"), .refused(400)),
      .row("spaces-before-colon", "9112 5.1", get(fields: "A   : b"), .refused(400)),
      .row("empty-name", "9112 5", get(fields: ": b"), lenient),
      .row("colon-alone", "9112 5", get(fields: ":"), lenient),
      .row("no-colon", "9112 5", get(fields: "abc"), lenient),
      .row("request-as-field", "9112 5", get(fields: "GET / HTTP/1.1"), lenient),
      .row("bare-lf", "9112 2.2", "GET {get} HTTP/1.1\r\nHost: {host}\nA: b\r\n\r\n", lenient),
      .row("bare-lf-at-end", "9112 2.2", "GET {get} HTTP/1.1\r\nHost: {host}\r\n\n", lenient),
      .row("bare-lf-throughout", "9112 2.2", "GET {get} HTTP/1.1\nHost: {host}\n\n", lenient),
      .row("bare-lf-cr-lf", "9112 2.2", "GET {get} HTTP/1.1\r\nHost: {host}\n\r\n", lenient),
      .row("cr-cr-lf", "9112 2.2", "GET {get} HTTP/1.1\r\nHost: {host}\r\r\n\r\n", lenient),
      .row("cr-alone-at-end", "9112 2.2", "GET {get} HTTP/1.1\r\nHost: {host}\r\n\rx\r\n\r\n", .refused(400)),
      .row(
        "bare-lf-hides-length", "9112 2.2", post("A: b\nContent-Length: 5", body: "hello"),
        .refused(400).lenient(.accepted)),
      .row(
        "bare-cr-hides-length", "9112 2.2",
        post("Content-Length: 5", "A: b\rContent-Length: 0", body: "hello"),
        .refused(400).lenient(.accepted)),
      .row("byte-order-mark", "9112 5", get(fields: "{xEF}{xBB}{xBF}A: b"), lenient),
      .row(
        "no-empty-line", "9112 2.1", [.send("GET {get} HTTP/1.1\r\nHost: {host}\r\n"), .halfClose], cutOff),
      .row("half-line", "9112 2.1", [.send("GET {get} HTTP/1.1\r\nHos"), .halfClose], cutOff),
    ]
    + names.map { .row("name-with-\($0)", "9110 5.1", get(fields: "\($1): b"), lenient) }
    + values.map { .row("value-with-\($0)", "9110 5.5", get(fields: "A: \($1)"), lenient) }
    + valid.map {
      .row("valid-\($0)", "9110 5.5", get(fields: $1), .found.stricter(.refused(400, 431)))
    }

  private static let cutOff = Rule.silence.or(.answered(400, 408).closed)
}
