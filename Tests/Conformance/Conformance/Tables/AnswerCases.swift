/// The syntax of responses.
///
/// RFC 9110 sections 6.6.1, 8.6, 9.3.2, 13 and 15.
///
/// Every case checks it (``Fault``); these cover the responses in which it differs.
enum AnswerCases {
  private static let head = "HEAD {get} HTTP/1.1\r\nHost: {host}\r\n\r\n"

  static let table: [ConformanceCase] = [
    .row("head", "9110 9.3.2", head, .found).head(0),
    .row("head-has-the-length-of-get", "9110 9.3.2", get() + head, .sequence([.found, .found])).head(1),
    .row("head-between-gets", "9110 9.3.2", get() + head + get(), .sequence([.found, .found, .found])).head(
      1),
    .row("head-twice", "9110 9.3.2", head + head, .sequence([.found, .found])).head(0, 1),
    .row("head-missing", "9110 9.3.2", "HEAD /missing HTTP/1.1\r\nHost: {host}\r\n\r\n", .answered(404)).head(
      0),
    .row("head-on-1.0", "9110 9.3.2", "HEAD {get} HTTP/1.0\r\n\r\n", .found.closed).head(0),
    .row(
      "head-close", "9110 9.3.2", "HEAD {get} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
      .found.closed
    ).head(0),
    .row("head-refused", "9110 9.3.2", "HEAD {get} HTTP/1.1\r\n\r\n", .refused(400)).head(0),
    .row("head-half-closed", "9110 9.3.2", [.send(head), .halfClose], .found.closed).head(0),
    .row("head-pipelined-10", "9110 9.3.2", String(repeating: head, count: 10), tenFound)
      .head(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    .row("missing", "9110 15.5.5", get("GET /missing HTTP/1.1"), .answered(404)),
    .row("missing-on-1.0", "9110 15.5.5", "GET /missing HTTP/1.0\r\n\r\n", .answered(404).closed),
    .row("range", "9110 14.2", get(fields: "Range: bytes=0-0"), .found.or(.answered(206))),
    .row("range-malformed", "9110 14.2", get(fields: "Range: bytes=x"), .found.or(.answered(400, 416))),
    .row("accept-nothing", "9110 12.5.1", get(fields: "Accept: image/x-none"), .found.or(.answered(406))),
    .row("accept-encoding", "9110 12.5.3", get(fields: "Accept-Encoding: gzip, br"), .found),
    .row("if-match-none", "9110 13.1.1", get(fields: "If-Match: \"none\""), .found.or(.answered(412))),
    .row(
      "if-modified-since-malformed", "9110 13.1.3", get(fields: "If-Modified-Since: yesterday"), .found),
    .row("not-modified", "9110 15.4.5", get(fields: "If-None-Match: *"), notModified)
      .needing(.entityTag).at(.entityTag),
    .row("not-modified-twice", "9110 15.4.5", times(2, get(fields: "If-None-Match: *")), notModifiedTwice)
      .needing(.entityTag).at(.entityTag),
    .row(
      "not-modified-head", "9110 15.4.5", "HEAD {get} HTTP/1.1\r\nHost: {host}\r\nIf-None-Match: *\r\n\r\n",
      notModified
    ).needing(.entityTag).at(.entityTag).head(0),
    .row("modified", "9110 13.1.2", get(fields: "If-None-Match: \"none\""), .found)
      .needing(.entityTag).at(.entityTag),
    .row(
      "not-modified-then-get", "9110 15.4.5", get(fields: "If-None-Match: *") + get(),
      .sequence([.codes([304]), .found])
    ).needing(.entityTag).at(.entityTag),
  ]

  private static let notModified = Rule.sequence([.codes([304])])
  private static let notModifiedTwice = Rule.sequence([.codes([304]), .codes([304])])
  private static let tenFound = Rule.sequence(Array(repeating: .found, count: 10))

  private static func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }
}
