/// Persistence of connections, and the order of responses (RFC 9112 section 9).
enum ConnectionCases {
  private static let one = get("GET {get} HTTP/1.1")
  private static let bad = "GET {get} HTTP/1.1\r\nHost: {host}\r\nA : b\r\n\r\n"
  private static let missing = get("GET /missing HTTP/1.1")
  private static let five = post("Content-Length: 5", body: "hello")
  private static let last = get(fields: "Connection: close")

  static let table: [ConformanceCase] = [
    .row("keep-alive-by-default", "9112 9.3", one, .found),
    .row("keep-alive-explicit", "9112 9.3", get(fields: "Connection: keep-alive"), .found),
    .row("close", "9112 9.6", last, .found.closed),
    .row("close-upper-case", "9110 7.6.1", get(fields: "Connection: CLOSE"), .found.closed),
    .row("close-lower-case-name", "9110 5.1", get(fields: "connection: close"), .found.closed),
    .row("close-in-list", "9110 7.6.1", get(fields: "Connection: keep-alive, close"), .found.closed),
    .row("close-first-in-list", "9110 7.6.1", get(fields: "Connection: close , x"), .found.closed),
    .row(
      "close-in-second-line", "9110 7.6.1", get(fields: "Connection: x", "Connection: close"), .found.closed),
    .row("close-after-empty-member", "9110 5.6.1", get(fields: "Connection: ,,close"), .found.closed),
    .row(
      "close-on-post", "9112 9.6", post("Connection: close", "Content-Length: 5", body: "hello"),
      .accepted.closed),
    .row(
      "close-on-missing", "9112 9.6", "GET /missing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
      .answered(404).closed),
    .row("other-option", "9110 7.6.1", get(fields: "Connection: closed"), .found.stricter(.found.closed)),
    .row("option-named-host", "9110 7.6.1", get(fields: "Connection: host"), .found.or(.refused(400))),
    .row("proxy-connection", "9112 C.2.2", get(fields: "Proxy-Connection: close"), .found),
    .row("keep-alive-field", "9112 C.2.2", get(fields: "Keep-Alive: timeout=1, max=1"), .found),
    .row("upgrade-websocket", "9110 7.8", get(fields: "Connection: Upgrade", "Upgrade: websocket"), .found),
    .row(
      "upgrade-h2c", "9110 7.8",
      get(fields: "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"), .found),
    .row("1.0-closes", "9112 9.3", "GET {get} HTTP/1.0\r\n\r\n", .found.closed),
    .row("1.0-close", "9112 9.3", "GET {get} HTTP/1.0\r\nConnection: close\r\n\r\n", .found.closed),
    .row(
      "1.0-keep-alive", "9112 9.3", "GET {get} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      .found.keptOrClosed),
    .row(
      "1.0-keep-alive-upper-case", "9112 9.3", "GET {get} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
      .found.keptOrClosed),
    .row(
      "1.0-keep-alive-and-close", "9112 9.3", "GET {get} HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
      .found.closed),
    .row("1.0-other-option", "9112 9.3", "GET {get} HTTP/1.0\r\nConnection: x\r\n\r\n", .found.closed),
    .row(
      "1.0-post", "9112 9.3", "POST {post} HTTP/1.0\r\n{auth}Content-Length: 5\r\n\r\nhello", .accepted.closed
    ),
    .row("1.0-pipelined", "9112 9.3", "GET {get} HTTP/1.0\r\n\r\nGET {get} HTTP/1.0\r\n\r\n", .found.closed),
    .row("pipelined-2", "9112 9.3.2", one + one, .sequence([.found, .found])),
    .row("pipelined-10", "9112 9.3.2", times(10, one), .sequence(Array(repeating: .found, count: 10))),
    .row("pipelined-posts", "9112 9.3.2", five + five, .sequence([.accepted, .accepted])),
    .row("pipelined-get-post-get", "9112 9.3.2", one + five + one, .sequence([.found, .accepted, .found])),
    .row(
      "pipelined-chunked-twice", "9112 9.3.2", times(2, chunks("5\r\nhello\r\n0\r\n\r\n")),
      .sequence([.accepted, .accepted])),
    .row("pipelined-close-last", "9112 9.3.2", one + last, .sequence([.found, .found]).closed),
    .row("pipelined-close-first", "9112 9.6", last + one, .found.closed),
    .row("pipelined-close-on-post-first", "9112 9.6", closingPost + one, .accepted.closed),
    .row("pipelined-error-last", "9112 9.3.2", one + bad, .sequence([.found, .codes([400])]).closed),
    .row("pipelined-error-first", "9112 9.3.2", bad + one, .closing(400)),
    .row("pipelined-error-among", "9112 9.3.2", one + bad + one, .sequence([.found, .codes([400])]).closed),
    .row("pipelined-bad-chunk-first", "9112 9.3.2", chunks("x\r\n\r\n") + one, .closing(400)),
    .row("pipelined-bad-length-first", "9112 9.3.2", post("Content-Length: x") + one, .closing(400)),
    .row(
      "pipelined-missing-last", "9112 9.3.2", one + missing, .sequence([.found, .codes([404])]).keptOrClosed),
    .row("pipelined-missing-first", "9112 9.3.2", missing + one, missingFirst),
    .row("pipelined-missing-among", "9112 9.3.2", one + missing + one, missingAmong),
    .row("pipelined-missing-post-first", "9112 9.3.2", missingPost + one, missingFirst),
    .row(
      "second-after-answer", "9112 9.3", [.send(one), .answer, .send(one)], .sequence([.found, .found])),
    .row(
      "post-after-answer", "9112 9.3", [.send(five), .answer, .send(five)],
      .sequence([.accepted, .accepted])),
    .row("half-closed", "9112 9.6", [.send(one), .halfClose], .found.closed),
    .row("half-closed-post", "9112 9.6", [.send(five), .halfClose], .accepted.closed),
    .row(
      "half-closed-chunked", "9112 9.6", [.send(chunks("5\r\nhello\r\n0\r\n\r\n")), .halfClose],
      .accepted.closed),
    .row("half-closed-refused", "9112 9.6", [.send(bad), .halfClose], .closing(400)),
    .row(
      "half-closed-pipelined", "9112 9.6", [.send(times(10, one)), .halfClose],
      .sequence(Array(repeating: .found, count: 10)).closed),
    .row("half-closed-after-close", "9112 9.6", [.send(last), .halfClose], .found.closed),
    .row("half-closed-at-once", "9112 9.6", [.halfClose], .silence),
    .row("empty-line-before", "9112 2.2", "\r\n" + one, .found.stricter(.refused(400))),
    .row("two-empty-lines-before", "9112 2.2", "\r\n\r\n" + one, .found.or(.refused(400))),
    .row("ten-empty-lines-before", "9112 2.2", times(10, "\r\n") + one, .refused(400).or(.found)),
    .row("bare-lf-before", "9112 2.2", "\n" + one, .refused(400).lenient(.found)),
    .row("bare-cr-before", "9112 2.2", "\r" + one, .refused(400).lenient(.found)),
    .row("nul-before", "9112 2.2", "\u{0}" + one, .refused(400, 405, 501)),
    .row("empty-line-between", "9112 2.2", one + "\r\n" + one, secondMayBeRefused(.found)),
    .row("empty-line-after-post", "9112 2.2", five + "\r\n" + one, secondMayBeRefused(.accepted)),
    .row(
      "empty-line-after-chunked", "9112 2.2", chunks("0\r\n\r\n") + "\r\n" + one,
      secondMayBeRefused(.accepted)),
  ]

  private static let missingPost =
    "POST /missing HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello"
  /// The connection persists, because the refused request was parsed.
  ///
  /// Otherwise one side closes it (RFC 9112 section 9.3).
  private static let missingFirst = Rule.sequence([.codes([404, 405]), .found]).stricter(.closing(404, 405))
  private static let missingAmong = Rule.sequence([.found, .codes([404]), .found])
    .stricter(.sequence([.found, .codes([404])]).closed)

  private static let closingPost = post("Connection: close", "Content-Length: 5", body: "hello")

  /// One empty line should be tolerated (RFC 9112 section 2.2).
  ///
  /// It is no requirement.
  private static func secondMayBeRefused(_ first: Rule.StatusSet) -> Rule {
    Rule.sequence([first, .found]).stricter(.sequence([first, .codes([400])]).closed)
  }

  private static func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }
}
