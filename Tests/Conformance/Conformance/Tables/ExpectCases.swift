/// RFC 9110 section 10.1.1: `Expect: 100-continue`.
enum ExpectCases {
  private static let wanting = post("Expect: 100-continue", "Content-Length: 5")
  private static let wantingChunks = post("Expect: 100-continue", "Transfer-Encoding: chunked")
  private static let chunk = "5\r\nhello\r\n0\r\n\r\n"
  private static let early = Rule.refused(400, 401, 403, 404, 405, 413).withInterim(false)

  static let table: [ConformanceCase] = [
    .row(
      "wanted", "9110 10.1.1", [.send(wanting), .interim, .send("hello")], .accepted.withInterim(true)),
    .row(
      "wanted-chunked", "9110 10.1.1", [.send(wantingChunks), .interim, .send(chunk)],
      .accepted.withInterim(true)),
    .row(
      "upper-case", "9110 10.1.1",
      [.send(post("Expect: 100-CONTINUE", "Content-Length: 5")), .interim, .send("hello")],
      .accepted.withInterim(true)),
    .row(
      "lower-case-name", "9110 10.1.1",
      [.send(post("expect:100-continue", "Content-Length: 5")), .interim, .send("hello")],
      .accepted.withInterim(true)),
    .row("body-sent-already", "9110 10.1.1", wanting + "hello", .accepted),
    .row("body-sent-already-chunked", "9110 10.1.1", wantingChunks + chunk, .accepted),
    .row(
      "wanted-then-pipelined", "9110 10.1.1",
      [.send(wanting), .interim, .send("hello" + get("GET {get} HTTP/1.1"))],
      .sequence([.accepted, .found])),
    .row(
      "wanted-twice", "9110 10.1.1",
      [.send(wanting), .interim, .send("hello"), .answer, .send(wanting), .interim, .send("hello")],
      .sequence([.accepted, .accepted])),
    .row(
      "empty-body", "9110 10.1.1", post("Expect: 100-continue", "Content-Length: 0"), .accepted.keptOrClosed),
    .row("no-body", "9110 10.1.1", get(fields: "Expect: 100-continue"), .found.keptOrClosed),
    .row(
      "head", "9110 10.1.1", "HEAD {get} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\n\r\n",
      .found.keptOrClosed
    )
    .head(0),
    .row("ignored-on-1.0", "9110 10.1.1", wanting10 + "hello", .accepted.closed.withInterim(false)),
    .row(
      "ignored-on-1.0-and-waiting", "9110 10.1.1", [.send(wanting10), .send("hello")],
      .accepted.closed.withInterim(false)),
    .row("unknown", "9110 10.1.1", get(fields: "Expect: something"), .answered(417).or(.found)),
    .row(
      "unknown-with-body", "9110 10.1.1", post("Expect: something", "Content-Length: 5", body: "hello"),
      .answered(417).or(.accepted)),
    .row(
      "unknown-beside-known", "9110 10.1.1",
      post("Expect: 100-continue, something", "Content-Length: 5", body: "hello"),
      .answered(417).or(.accepted)),
    .row(
      "parameter", "9110 10.1.1", post("Expect: 100-continue;a=b", "Content-Length: 5", body: "hello"),
      .answered(417).or(.accepted)),
    .row(
      "empty", "9110 10.1.1", post("Expect:", "Content-Length: 5", body: "hello"),
      .accepted.or(.answered(417))),
    .row(
      "malformed-length", "9110 10.1.1", post("Expect: 100-continue", "Content-Length: x"),
      .closing(400).withInterim(false)),
    .row(
      "unsigned", "9110 10.1.1",
      "POST {post} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
      .answered(401).withInterim(false)
    ).needing(.signatures),
    .row(
      "too-large", "9110 10.1.1", post("Expect: 100-continue", "Content-Length: 999999999"),
      .answered(413).withInterim(false)
    ).needing(.limits),
    .row(
      "missing-target", "9110 10.1.1",
      "POST /missing HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", early
    ).needing(.signatures),
    .row(
      "wrong-method", "9110 10.1.1",
      "PUT {post} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", early
    ).needing(.strictMethods),
    .row(
      "unsigned-with-body", "9110 10.1.1",
      "POST {post} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
      .answered(401).withInterim(false)
    ).needing(.signatures),
  ]

  private static let wanting10 =
    "POST {post} HTTP/1.0\r\n{auth}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
}
