/// RFC 9112 section 3: `method SP request-target SP HTTP-version CRLF`.
enum RequestLineCases {
  private static let lenientSpaces = Rule.refused(400).lenient(.found)
  private static let noMethod = Rule.refused(400, 405, 501)

  static let table: [ConformanceCase] = [
    .row("plain", "9112 3", get("GET {get} HTTP/1.1"), .found),
    .row("two-spaces-before-target", "9112 3", get("GET  {get} HTTP/1.1"), lenientSpaces),
    .row("two-spaces-before-version", "9112 3", get("GET {get}  HTTP/1.1"), lenientSpaces),
    .row("tab-before-target", "9112 3", get("GET\t{get} HTTP/1.1"), lenientSpaces),
    .row("tab-before-version", "9112 3", get("GET {get}\tHTTP/1.1"), lenientSpaces),
    .row("vertical-tab-as-space", "9112 3", get("GET\u{0B}{get} HTTP/1.1"), lenientSpaces),
    .row("form-feed-as-space", "9112 3", get("GET {get}\u{0C}HTTP/1.1"), lenientSpaces),
    .row("carriage-return-as-space", "9112 3", get("GET {get}\rHTTP/1.1"), lenientSpaces),
    .row("leading-space", "9112 3", get(" GET {get} HTTP/1.1"), lenientSpaces),
    .row("leading-tab", "9112 3", get("\tGET {get} HTTP/1.1"), lenientSpaces),
    .row("trailing-space", "9112 3", get("GET {get} HTTP/1.1 "), lenientSpaces),
    .row("trailing-tab", "9112 3", get("GET {get} HTTP/1.1\t"), lenientSpaces),
    .row("trailing-carriage-return", "9112 2.2", get("GET {get} HTTP/1.1\r"), lenientSpaces),
    .row("bare-line-feed", "9112 2.2", "GET {get} HTTP/1.1\nHost: {host}\r\n\r\n", lenientSpaces),
    .row("space-in-target", "9112 3.2", get("GET {get} x HTTP/1.1"), .refused(400, 301, 404).lenient(.found)),
    .row(
      "space-in-query", "9112 3.2", get("GET {get}?a b HTTP/1.1"), .refused(400, 301, 404).lenient(.found)),
    .row("fourth-part", "9112 3", get("GET {get} HTTP/1.1 x"), .refused(400, 404, 505).lenient(.found)),
    .row("no-version", "9112 3", get("GET {get}"), .refused(400, 505).lenient(.withoutHead)),
    .row("no-version-but-space", "9112 3", get("GET {get} "), .refused(400, 505).lenient(.withoutHead)),
    .row("no-target", "9112 3", get("GET HTTP/1.1"), .refused(400)),
    .row("empty-target", "9112 3", get("GET  HTTP/1.1"), .refused(400)),
    .row("method-alone", "9112 3", get("GET"), .refused(400)),
    .row("no-method", "9112 3", get("{get} HTTP/1.1"), noMethod),
    .row("version-first", "9112 3", get("HTTP/1.1 GET {get}"), .refused(400, 405, 501, 505)),
    .row("lower-case-method", "9110 9.1", get("get {get} HTTP/1.1"), noMethod),
    .row("mixed-case-method", "9110 9.1", get("Get {get} HTTP/1.1"), noMethod),
    .row("method-with-at", "9110 5.6.2", get("G@T {get} HTTP/1.1"), noMethod),
    .row("method-with-parenthesis", "9110 5.6.2", get("GET( {get} HTTP/1.1"), noMethod),
    .row("method-with-colon", "9110 5.6.2", get("GET: {get} HTTP/1.1"), noMethod),
    .row("method-with-nul", "9110 5.6.2", get("GE\u{0}T {get} HTTP/1.1"), noMethod),
    .row("method-with-obs-text", "9110 5.6.2", get("GET{xE9} {get} HTTP/1.1"), noMethod),
    .row("method-quoted", "9110 5.6.2", get("\"GET\" {get} HTTP/1.1"), noMethod),
    .row("method-of-33", "9112 3", get("{M*33} {get} HTTP/1.1"), noMethod),
    .row("method-of-5000", "9112 3", get("{M*5000} {get} HTTP/1.1"), .refused(400, 405, 414, 431, 501)),
    .row("nul-in-target", "9112 3.2", get("GET {get}\u{0} HTTP/1.1"), .refused(400, 404)),
    .row("delete-in-target", "9112 3.2", get("GET {get}?\u{7F} HTTP/1.1"), .refused(400).lenient(.found)),
    .row("control-in-target", "9112 3.2", get("GET {get}?\u{1} HTTP/1.1"), .refused(400).lenient(.found)),
    .row("obs-text-in-target", "9112 3.2", get("GET {get}?{xE9} HTTP/1.1"), .refused(400).lenient(.found)),
    .row(
      "carriage-return-in-target", "9112 2.2", get("GET {get}?\rx HTTP/1.1"), .refused(400).lenient(.found)),
    .row("line-of-8000", "9112 3", get("GET {get}?{a*7900} HTTP/1.1"), .found.stricter(.refused(414))),
    .row("tls-client-hello", "9112 3", "{x16}{x03}{x01}{x00}{x05}hello\r\n\r\n", .refused(400).or(.silence)),
    .row(
      "http2-preface", "9112 3", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .refused(400, 405, 501, 505).or(.silence)
    ),
    .row("status-line", "9112 3", "HTTP/1.1 200 OK\r\nHost: {host}\r\n\r\n", .refused(400, 405, 501, 505)),
  ]
}
