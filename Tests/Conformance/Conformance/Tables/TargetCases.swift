/// RFC 9112 section 3.2: the four forms of a target.
enum TargetCases {
  private static let absent = Rule.answered(200, 301, 400, 403, 404)

  static let table: [ConformanceCase] = [
    .row("query", "9112 3.2.1", get("GET {get}?a=b&c=d HTTP/1.1"), .found),
    .row("empty-query", "9112 3.2.1", get("GET {get}? HTTP/1.1"), .found),
    .row("question-marks", "9112 3.2.1", get("GET {get}?a?b?c HTTP/1.1"), .found),
    .row("query-with-target", "9112 3.2.1", get("GET {get}?/../%2e%2e HTTP/1.1"), .found),
    .row("absolute", "9112 3.2.2", get("GET http://{host}{get} HTTP/1.1"), .found),
    .row("absolute-upper-case-scheme", "9110 4.2.3", get("GET HTTP://{host}{get} HTTP/1.1"), .found),
    .row(
      "absolute-https", "9110 4.2.2", get("GET https://{host}{get} HTTP/1.1"),
      .found.or(.refused(400, 403, 404, 421))),
    .row("absolute-with-query", "9112 3.2.2", get("GET http://{host}{get}?a=b HTTP/1.1"), .found),
    .row("absolute-other-host", "9112 3.2.2", get("GET http://other.example{get} HTTP/1.1"), .found),
    .row("absolute-without-path", "9112 3.2.2", get("GET http://{host} HTTP/1.1"), absent),
    .row("absolute-without-path-but-query", "9112 3.2.2", get("GET http://{host}?a HTTP/1.1"), absent),
    .row(
      "absolute-on-1.0", "9112 3.2.2", "GET http://{host}{get} HTTP/1.0\r\n\r\n", .found.closed),
    .row("absolute-on-post", "9112 3.2.2", absolutePost, .accepted),
    .row("absolute-without-host-field", "9112 3.2", "GET http://{host}{get} HTTP/1.1\r\n\r\n", .refused(400)),
    .row(
      "absolute-userinfo", "9110 4.2.4", get("GET http://user@{host}{get} HTTP/1.1"),
      .refused(400, 301, 404).lenient(.found)),
    .row(
      "absolute-password", "9110 4.2.4", get("GET http://user:secret@{host}{get} HTTP/1.1"),
      .refused(400, 301, 404).lenient(.found)),
    .row("absolute-empty-host", "9110 4.2.1", get("GET http://{get} HTTP/1.1"), .refused(400, 404)),
    .row("absolute-port-alone", "9110 4.2.1", get("GET http://:80{get} HTTP/1.1"), .refused(400, 404)),
    .row("absolute-nothing", "9110 4.2.1", get("GET http:// HTTP/1.1"), .refused(400, 404)),
    .row(
      "absolute-bad-port", "9112 3.2.2", get("GET http://a.example:8x{get} HTTP/1.1"),
      .refused(400, 301, 404).lenient(.found)),
    .row(
      "absolute-bad-literal", "9112 3.2.2", get("GET http://[::1{get} HTTP/1.1"), .refused(400, 301, 404)),
    .row(
      "absolute-one-slash", "9112 3.2.2", get("GET http:/{get} HTTP/1.1"), .refused(400, 301, 404)),
    .row(
      "other-scheme", "9112 3.2.2", get("GET ftp://{host}{get} HTTP/1.1"),
      .refused(400, 301, 403, 404, 421, 501).lenient(.found)),
    .row(
      "scheme-alone", "9112 3.2.2", get("GET mailto:a@b HTTP/1.1"), .refused(400, 301, 403, 404, 421, 501)),
    .row("authority-form", "9112 3.2.3", get("GET {host} HTTP/1.1"), .refused(400, 301, 404)),
    .row("authority-form-name", "9112 3.2.3", get("GET a.example:80 HTTP/1.1"), .refused(400, 301, 404)),
    .row(
      "asterisk-options", "9110 9.3.7", get("OPTIONS * HTTP/1.1"),
      .answered(200, 204, 405, 501).stricter(.answered(400, 403, 404))),
    .row("asterisk-get", "9112 3.2.4", get("GET * HTTP/1.1"), .refused(400, 301, 404)),
    .row("asterisk-post", "9112 3.2.4", get("POST * HTTP/1.1"), .refused(400, 301, 404, 405, 411)),
    .row("asterisk-and-more", "9112 3.2.4", get("OPTIONS *x HTTP/1.1"), .refused(400, 301, 404)),
    .row("relative", "9112 3.2.1", get("GET healthz HTTP/1.1"), .refused(400, 301, 404)),
    .row("relative-dot", "9112 3.2.1", get("GET .{get} HTTP/1.1"), .refused(400, 301, 404)),
    .row("query-alone", "9112 3.2.1", get("GET ?a=b HTTP/1.1"), .refused(400, 301, 404)),
    .row("backslash", "9112 3.2.1", get("GET \\x HTTP/1.1"), .refused(400, 301, 404)),
    .row("fragment", "9112 3.2", get("GET {get}#part HTTP/1.1"), .refused(400, 301, 404).lenient(.found)),
    .row(
      "fragment-in-query", "9112 3.2", get("GET {get}?a#part HTTP/1.1"),
      .refused(400, 301, 404).lenient(.found)),
    .row("fragment-alone", "9112 3.2", get("GET # HTTP/1.1"), .refused(400, 301, 404)),
  ]

  private static let absolutePost =
    "POST http://{host}{post} HTTP/1.1\r\nHost: {host}\r\n{auth}Content-Length: 5\r\n\r\nhello"
}
