/// A refusal while the client sends (RFC 9112 section 9.6).
///
/// The client must get the response, not a reset.
enum RefusingCases {
  private static let more = Step.flood(byteCount: 512 * 1024)

  private static func flooded(_ text: String) -> [Step] { [.send(text), more] }

  static let table: [ConformanceCase] = [
    .row(
      "bad-field", "9112 9.6", flooded("GET {get} HTTP/1.1\r\nHost: {host}\r\nA : b\r\n\r\n"), .finishing(400)
    ),
    .row(
      "no-host", "9112 9.6", flooded("POST {post} HTTP/1.1\r\nContent-Length: 900000\r\n\r\n"),
      .finishing(400)),
    .row("bad-request-line", "9112 9.6", flooded("{get}\r\n\r\n"), .finishing(400, 405, 501)),
    .row("bad-length", "9112 9.6", flooded(post("Content-Length: 9x")), .finishing(400)),
    .row(
      "both-lengths", "9112 9.6", flooded(post("Content-Length: 900000", "Transfer-Encoding: gzip")), coding),
    .row("unknown-coding", "9112 9.6", flooded(post("Transfer-Encoding: cow")), coding),
    .row("bad-chunk-size", "9112 9.6", flooded(chunks("5\r\nhello\r\nx\r\n")), .finishing(400)),
    .row("bad-chunk-end", "9112 9.6", flooded(chunks("5\r\nhelloXY")), .finishing(400)),
    .row(
      "unsigned", "9112 9.6",
      flooded("POST {post} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000\r\n\r\n"), .finishing(401)
    ).needing(.signatures),
    .row(
      "unsigned-chunked", "9112 9.6",
      flooded("POST {post} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n80000\r\n"),
      .finishing(401)
    ).needing(.signatures),
    .row(
      "too-large", "9110 15.5.14", flooded(post("Content-Length: 900000000")), .finishing(413)
    ).needing(.limits),
    .row("too-large-chunked", "9110 15.5.14", flooded(chunks("FFFFFF\r\n")), .finishing(413)).needing(
      .limits),
    .row(
      "missing", "9112 9.6",
      flooded("POST /missing HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000\r\n\r\n"), .finishing(404)
    ).needing(.signatures),
    .row(
      "wrong-method", "9112 9.6",
      flooded("PUT {post} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000\r\n\r\n"), .finishing(405)
    ).needing(.strictMethods),
    .row(
      "unknown-method", "9112 9.6",
      flooded("BREW {post} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 900000\r\n\r\n"), .finishing(405, 501)
    ).needing(.strictMethods),
    .row("long-target", "9112 9.6", flooded(get("GET {get}?{a*9000} HTTP/1.1")), .finishing(414)).needing(
      .limits),
    .row("large-section", "9112 9.6", flooded(get(fields: "A: {b*20000}")), .finishing(431)).needing(.limits),
    .row("last-request", "9112 9.6", flooded(get(fields: "Connection: close")), .found.finishing),
  ]

  private static let coding = Rule.finishing(400, 501)
}
