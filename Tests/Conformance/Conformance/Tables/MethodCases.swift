/// RFC 9110 section 9: methods, and the responses to unsupported ones.
enum MethodCases {
  private static let unknown = Rule.refused(501, 405, 400)

  static let table: [ConformanceCase] = [
    .row("get", "9110 9.3.1", get(), .found),
    .row("head", "9110 9.3.2", "HEAD {get} HTTP/1.1\r\nHost: {host}\r\n\r\n", .found).head(0),
    .row("post", "9110 9.3.3", post("Content-Length: 5", body: "hello"), .accepted),
    .row("options-on-path", "9110 9.3.7", get("OPTIONS {get} HTTP/1.1"), .answered(200, 204, 405, 501, 403)),
    .row("put", "9110 9.1", get("PUT {get} HTTP/1.1"), .answered(405, 501, 403, 411, 400)),
    .row("delete", "9110 9.1", get("DELETE {get} HTTP/1.1"), .answered(405, 501, 403, 400)),
    .row("patch", "9110 9.1", get("PATCH {get} HTTP/1.1"), .answered(405, 501, 403, 411, 400)),
    .row(
      "trace", "9110 9.3.8", get("TRACE {get} HTTP/1.1"),
      .answered(405, 501, 403, 400).lenient(.answered(200))),
    .row("connect", "9110 9.3.6", get("CONNECT a.example:443 HTTP/1.1"), .refused(400, 403, 404, 405, 501)),
    .row("unknown", "9110 15.6.2", get("BREW {get} HTTP/1.1"), unknown),
    .row("unknown-tchars", "9110 5.6.2", get("!#$%&'*+-.^_`|~ {get} HTTP/1.1"), unknown),
    .row("unknown-with-digits", "9110 5.6.2", get("M1 {get} HTTP/1.1"), unknown),
    .row("unknown-on-missing", "9110 15.6.2", get("BREW /missing HTTP/1.1"), .refused(501, 405, 404, 400)),
    .row(
      "unknown-with-body", "9110 15.6.2",
      "BREW {get} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello", unknown),
    .row("get-on-post-target", "9110 15.5.6", get("GET {post} HTTP/1.1"), .answered(405))
      .needing(.strictMethods),
    .row("head-on-post-target", "9110 15.5.6", get("HEAD {post} HTTP/1.1"), .answered(405))
      .needing(.strictMethods).head(0),
    .row("put-on-post-target", "9110 15.5.6", get("PUT {post} HTTP/1.1"), .answered(405))
      .needing(.strictMethods),
    .row("delete-on-get-target", "9110 15.5.6", get("DELETE {get} HTTP/1.1"), .answered(405))
      .needing(.strictMethods),
    .row(
      "post-on-get-target", "9110 15.5.6",
      "POST {get} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\nhello", .answered(405)
    ).needing(.strictMethods),
    .row(
      "get-with-body", "9110 9.3.1", get(fields: "Content-Length: 5") + "hello",
      .found.keptOrClosed.or(.refused(400, 413))),
    .row(
      "get-with-body-that-is-a-request", "9110 9.3.1",
      get(fields: "Content-Length: 30") + "GET /smuggled HTTP/1.1\r\nA: b\r\n",
      .found.keptOrClosed.or(.refused(400, 413))),
    .row(
      "get-with-chunked-body", "9110 9.3.1",
      get(fields: "Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\n\r\n",
      .found.keptOrClosed.or(.refused(400, 413))),
    .row("get-with-empty-body", "9110 9.3.1", get(fields: "Content-Length: 0"), .found),
    .row(
      "override-field", "9110 9.1", get(fields: "X-HTTP-Method-Override: DELETE"), .found),
  ]
}
