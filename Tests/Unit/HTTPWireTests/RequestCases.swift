import HTTPWire
import Testing

/// The expected result of a header section.
enum Expectation: Equatable, Sendable {
  case accepted(BodyFraming, isPersistent: Bool)
  case refused(RequestError)

  static let bodyless = Expectation.accepted(.none, isPersistent: true)
}

/// A header section and the rule that applies to it.
struct RequestCase: Sendable, CustomTestStringConvertible {
  let rule: String
  let text: String
  let expectation: Expectation

  init(_ rule: String, _ text: String, _ expectation: Expectation) {
    self.rule = rule
    self.text = text
    self.expectation = expectation
  }

  var testDescription: String { "\(rule): \(text.prefix(60).debugDescription)" }
}

/// Header sections by the part under test. `get` and `post` add valid surroundings to one line.
enum RequestCases {
  static let all =
    requestLines + targets + hosts + fields + lengths + codings + connections + expectations + disputed

  private static func get(_ lines: String) -> String { "GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n" }
  private static func post(_ lines: String) -> String { "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n" }
  private static func target(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n" }

  private static let requestLines: [RequestCase] = [
    .init("9112 3", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", .bodyless),
    .init("9112 2.2 one empty line before is ignored", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bodyless),
    .init(
      "9112 2.2 but not two", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 3 two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 3 two spaces", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 3 trailing space", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 3 leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 3 tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 3 no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 3 no version", "GET /\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init(
      "9110 9.1 a method is a token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9110 9.1 any token is a method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", .bodyless),
    .init(
      "a method is short", String(repeating: "A", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n",
      .refused(.malformedMethod)),
    .init("9112 2.3", "GET / HTTP/1.0\r\n\r\n", .accepted(.none, isPersistent: false)),
    .init("9110 2.5 a higher minor version", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", .bodyless),
    .init("9110 15.6.6", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .refused(.unsupportedVersion)),
    .init("9110 15.6.6", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", .refused(.unsupportedVersion)),
    .init("9112 2.3 case", "GET / http/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 2.3", "GET / HTTP/1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 2.3", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 2.3", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 2.3", "GET / FOO/1.1\r\nHost: a\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9112 2.2 bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", .refused(.bareLineFeed)),
    .init("9112 2.2 bare LF", "GET / HTTP/1.1\r\nHost: a\n\r\n", .refused(.bareLineFeed)),
    .init("9112 2.2 bare CR", "GET / HTTP/1.1\rX\r\nHost: a\r\n\r\n", .refused(.bareCarriageReturn)),
    .init("9112 2.2 bare CR", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.bareCarriageReturn)),
    .init("9112 3", "\u{16}\u{3}\u{1}\u{0} TLS\r\n\r\n", .refused(.malformedRequestLine)),
    .init("9113 3.4 the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", .refused(.unsupportedVersion)),
  ]

  private static let targets: [RequestCase] = [
    .init("9112 3.2.1", target("/a/b?c=d"), .bodyless),
    .init("9112 3.2.2", target("http://a/b"), .bodyless),
    .init("9112 3.2.2 without a path", target("http://a"), .bodyless),
    .init("9112 3.2.2 with a query alone", target("http://a?b"), .bodyless),
    .init("9112 3.2.2 any case", target("HTTPS://a/b"), .bodyless),
    .init("9112 3.2.2 other scheme", target("ftp://a/b"), .refused(.malformedTarget)),
    .init("9112 3.2.2 no host", target("http:///b"), .refused(.malformedTarget)),
    .init("9110 4.2.4 user information", target("http://u@a/b"), .refused(.malformedTarget)),
    .init(
      "9112 3.2.3 authority form", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.malformedTarget)),
    .init("9112 3.2.4", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", .bodyless),
    .init("9112 3.2.4 only for OPTIONS", target("*"), .refused(.malformedTarget)),
    .init("9112 3.2", target("a/b"), .refused(.malformedTarget)),
    .init("9112 3.2", target("?a"), .refused(.malformedTarget)),
    .init("3986 3.5 fragment", target("/a#b"), .refused(.malformedTarget)),
    .init("3986 non-ASCII", target("/é"), .refused(.malformedTarget)),
    .init("3986 control", target("/a\u{1}"), .refused(.malformedTarget)),
    .init("3986 control", target("/a\u{7F}"), .refused(.malformedTarget)),
    .init("dot segment", target("/a/../b"), .refused(.malformedTarget)),
    .init("dot segment", target("/./b"), .refused(.malformedTarget)),
    .init("dot segment", target("/.."), .refused(.malformedTarget)),
    .init("encoded dot segment", target("/%2e%2E/b"), .refused(.malformedTarget)),
    .init("half encoded dot segment", target("/.%2e"), .refused(.malformedTarget)),
    .init("three dots are a name", target("/..."), .bodyless),
    .init("encoded slash", target("/a%2Fb"), .refused(.malformedTarget)),
    .init("encoded NUL", target("/a%00"), .refused(.malformedTarget)),
    .init("encoded line end", target("/a%0d%0ab"), .refused(.malformedTarget)),
    .init("encoded once", target("/%252e%252e"), .bodyless),
    .init("3986 2.1", target("/%"), .refused(.malformedTarget)),
    .init("3986 2.1", target("/%4"), .refused(.malformedTarget)),
    .init("3986 2.1", target("/%zz"), .refused(.malformedTarget)),
    .init("not UTF-8", target("/%ff"), .refused(.malformedTarget)),
    .init("empty segments are kept", target("//a//"), .bodyless),
    .init("the longest target", target("/" + String(repeating: "a", count: 8191)), .bodyless),
    .init("9110 15.5.15", target("/" + String(repeating: "a", count: 8192)), .refused(.targetTooLong)),
  ]

  private static let hosts: [RequestCase] =
    [
      .init("9112 3.2 missing", "GET / HTTP/1.1\r\n\r\n", .refused(.missingHost)),
      .init("9112 3.2 repeated", get("Host: a\r\n"), .refused(.repeatedHost)),
      .init("9112 3.2 may be empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .bodyless),
      .init("9112 3.2 missing in 1.0", "GET / HTTP/1.0\r\n\r\n", .accepted(.none, isPersistent: false)),
      .init(
        "9112 3.2 repeated in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", .refused(.repeatedHost)),
    ]
    + ["a.example", "a:80", "127.0.0.1:8080", "[::1]", "[::1]:8080", "a_b", "a:"].map {
      .init("9110 7.2", "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n", .bodyless)
    }
    + [
      "a b", "a/b", "a@b", "a:b", "a:123456", "[::1", "[::1]x", "[]", "a?b", "a#b", "a,b:x", "é", "a:80:80",
      "[g::1]",
    ].map {
      .init("9110 7.2", "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n", .refused(.malformedHost))
    }

  private static let fields: [RequestCase] = [
    .init("9112 5 white space around a value", get("X: \t a \t \r\n"), .bodyless),
    .init("9112 5 no white space", get("X:a\r\n"), .bodyless),
    .init("9112 5 empty value", get("X:\r\n"), .bodyless),
    .init("9110 5.5 obs-text", get("X: é\r\n"), .bodyless),
    .init("9110 5.5 tab inside", get("X: a\tb\r\n"), .bodyless),
    .init("9112 5.1 space before the colon", get("X : a\r\n"), .refused(.malformedFieldName)),
    .init("9112 5.1 tab before the colon", get("X\t: a\r\n"), .refused(.malformedFieldName)),
    .init("9110 5.1 no name", get(": a\r\n"), .refused(.malformedFieldName)),
    .init("9110 5.1 no colon", get("X\r\n"), .refused(.malformedFieldName)),
    .init("9110 5.1 not a token", get("X(: a\r\n"), .refused(.malformedFieldName)),
    .init("9110 5.1 not a token", get("é: a\r\n"), .refused(.malformedFieldName)),
    .init("9112 5.2 obs-fold", get("X: a\r\n b\r\n"), .refused(.foldedField)),
    .init("9112 5.2 obs-fold", get("X: a\r\n\tb\r\n"), .refused(.foldedField)),
    .init(
      "9112 2.2 space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .refused(.foldedField)),
    .init("9110 5.5 NUL", get("X: a\u{0}b\r\n"), .refused(.malformedFieldValue)),
    .init("9110 5.5 control", get("X: a\u{1}\r\n"), .refused(.malformedFieldValue)),
    .init("9110 5.5 DEL", get("X: a\u{7F}b\r\n"), .refused(.malformedFieldValue)),
    .init("9112 2.2 bare CR in a value", get("X: a\rb\r\n"), .refused(.bareCarriageReturn)),
    .init("9110 15.5.20 as many as allowed", get(repeated("X: a\r\n", 99)), .bodyless),
    .init("6585 5 one more", get(repeated("X: a\r\n", 100)), .refused(.tooManyFields)),
    .init("6585 5 too large", get("X: " + repeated("a", 17_000) + "\r\n"), .refused(.headerSectionTooLarge)),
    .init(
      "6585 5 too large without an end", "GET / HTTP/1.1\r\nX: " + repeated("a", 17_000),
      .refused(.headerSectionTooLarge)),
  ]

  private static let lengths: [RequestCase] =
    [
      .init("9112 6.3", post("Content-Length: 0\r\n"), .accepted(.length(0), isPersistent: true)),
      .init("9112 6.3", post("content-length: 5\r\n"), .accepted(.length(5), isPersistent: true)),
      .init(
        "9110 8.6 leading zeros", post("Content-Length: 005\r\n"), .accepted(.length(5), isPersistent: true)),
      .init(
        "9112 6.3 repeated", post("Content-Length: 5\r\nContent-Length: 5\r\n"),
        .refused(.repeatedContentLength)),
      .init(
        "9112 6.3 repeated", post("Content-Length: 5\r\nContent-Length: 6\r\n"),
        .refused(.repeatedContentLength)),
    ]
    + [
      "", "+5", "-5", "5,5", "5, 6", "0x5", "5 5", "5a", "a", "1e3", "5.0", "５", "9223372036854775808",
      "99999999999999999999",
    ].map { .init("9110 8.6", post("Content-Length: \($0)\r\n"), .refused(.malformedContentLength)) }

  private static let codings: [RequestCase] = [
    .init("9112 6.1", post("Transfer-Encoding: chunked\r\n"), .accepted(.chunked, isPersistent: true)),
    .init("9112 7 any case", post("Transfer-Encoding: Chunked\r\n"), .accepted(.chunked, isPersistent: true)),
    .init(
      "9110 5.6.1 empty members", post("Transfer-Encoding: ,chunked,\r\n"),
      .accepted(.chunked, isPersistent: true)),
    .init(
      "9112 6.1 with a length", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      .refused(.lengthAndTransferCoding)),
    .init(
      "9112 6.1 with a length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
      .refused(.lengthAndTransferCoding)),
    .init("9112 6.1 unknown", post("Transfer-Encoding: gzip\r\n"), .refused(.unknownTransferCoding)),
    .init("9112 6.1 unknown", post("Transfer-Encoding: gzip, chunked\r\n"), .refused(.unknownTransferCoding)),
    .init(
      "9112 6.1 not last", post("Transfer-Encoding: chunked, gzip\r\n"), .refused(.unknownTransferCoding)),
    .init("9112 6.1 unknown", post("Transfer-Encoding: identity\r\n"), .refused(.unknownTransferCoding)),
    .init("9112 6.1 unknown", post("Transfer-Encoding: xchunked\r\n"), .refused(.unknownTransferCoding)),
    .init("9112 6.1 unknown", post("Transfer-Encoding: \u{B}chunked\r\n"), .refused(.malformedFieldValue)),
    .init(
      "9112 6.1 twice", post("Transfer-Encoding: chunked, chunked\r\n"), .refused(.malformedTransferCoding)),
    .init(
      "9112 6.1 twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      .refused(.malformedTransferCoding)),
    .init("9112 6.1 empty", post("Transfer-Encoding:\r\n"), .refused(.malformedTransferCoding)),
    .init(
      "9112 6.1 HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      .refused(.transferCodingOnHTTP10)),
  ]

  private static let connections: [RequestCase] = [
    .init("9112 9.3", get("Connection: close\r\n"), .accepted(.none, isPersistent: false)),
    .init("9112 9.3 any case", get("Connection: CLOSE\r\n"), .accepted(.none, isPersistent: false)),
    .init("9112 9.3 in a list", get("Connection: upgrade, close\r\n"), .accepted(.none, isPersistent: false)),
    .init(
      "9112 9.3 over two lines", get("Connection: a\r\nConnection: close\r\n"),
      .accepted(.none, isPersistent: false)),
    .init("9112 9.3", get("Connection: keep-alive\r\n"), .bodyless),
    .init("9112 9.3 not an option", get("Connection: closed\r\n"), .bodyless),
    .init("9112 9.3", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", .bodyless),
    .init(
      "9112 9.3 close wins", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
      .accepted(.none, isPersistent: false)),
  ]

  private static let expectations: [RequestCase] = [
    .init(
      "9110 10.1.1", post("Expect: 100-continue\r\nContent-Length: 1\r\n"),
      .accepted(.length(1), isPersistent: true)),
    .init(
      "9110 10.1.1 any case", post("Expect: 100-Continue\r\nContent-Length: 1\r\n"),
      .accepted(.length(1), isPersistent: true)),
    .init("9110 15.5.18", post("Expect: a-pony\r\nContent-Length: 1\r\n"), .refused(.unknownExpectation)),
    .init(
      "9110 15.5.18", post("Expect: 100-continue, a-pony\r\nContent-Length: 1\r\n"),
      .refused(.unknownExpectation)),
  ]

  private static func repeated(_ text: String, _ count: Int) -> String {
    String(repeating: text, count: count)
  }
}
