import HTTPWire

/// Requests that parsers are known to read differently.
///
/// One takes for the end of a message what another takes for content. Each has one reading here, or is
/// rejected.
extension RequestCases {
  static let disputed = disputedFraming + disputedTargets + disputedVersions + disputedHosts

  private static func post(_ lines: String) -> String { "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n" }
  private static func target(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n" }
  private static func line(_ line: String) -> String { "\(line)\r\nHost: a\r\n\r\n" }

  private static func cases(
    _ rule: String, _ parts: [String], in frame: (String) -> String, _ expectation: Expectation
  ) -> [RequestCase] {
    parts.map { RequestCase(rule, frame($0), expectation) }
  }

  private static let disputedFraming =
    cases(
      "9112 6.1 a coding that only looks like chunked",
      [
        "\"chunked\"", "chunked;q=1", "chunked; x", "chunke", "chunkedd", "chunked chunked",
        "identity, chunked",
        "chunked, identity", "x, chunked", "chunked\u{A0}", "chu\u{AD}nked", "chunked/1",
      ], in: { post("Transfer-Encoding: \($0)\r\n") }, .refused(.unknownTransferCoding))
    + cases(
      "9112 6.1 a value that no field may have",
      ["chunked\u{0}", "\u{C}chunked", "chunked\u{B}", "chu\u{8}nked", "\u{7F}chunked"],
      in: { post("Transfer-Encoding: \($0)\r\n") }, .refused(.malformedFieldValue))
    + cases(
      "9112 6.1 chunked, with whitespace around it",
      [" \tchunked\t ", "chunked,", " , chunked , ,", "CHUNKED"],
      in: { post("Transfer-Encoding:\($0)\r\n") }, .accepted(.chunked, isPersistent: true))
    + cases(
      "9112 5.1 a name that only looks like one",
      [
        "Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", "Transfer-Encoding\u{0}: chunked",
        "Transfer-Encoding; chunked", "Transfer Encoding: chunked", "Content-Length : 5", "Content-Length",
        "\u{0}X: a",
      ], in: { post("\($0)\r\n") }, .refused(.malformedFieldName))
    + cases(
      "9110 5.1 another name",
      [
        "Transfer_Encoding: chunked", "Content_Length: 5", "X-Content-Length: 5", "Content-Length2: 5",
        "TE: chunked",
      ],
      in: { post("\($0)\r\n") }, .bodyless)
    + cases(
      "9112 5.2 hidden in a fold",
      ["X: a\r\n Transfer-Encoding: chunked", "X:\r\n\tContent-Length: 5", "Transfer-Encoding:\r\n chunked"],
      in: { post("\($0)\r\n") }, .refused(.foldedField))
    + cases(
      "9112 2.2 hidden behind a line end of another kind",
      ["X: a\nTransfer-Encoding: chunked", "X: a\n\r\nContent-Length: 5", "\nX: a", "X: a\n"],
      in: { post("\($0)\r\n") }, .refused(.bareLineFeed))
    + cases(
      "9112 2.2 hidden behind a line end of another kind",
      ["X: a\rContent-Length: 5", "X: a\r\rContent-Length: 5", "X: a\r", "\rX: a"],
      in: { post("\($0)\r\n") }, .refused(.bareCarriageReturn))
    + cases(
      "9110 8.6 a length with room around it",
      [" 7 ", "\t7\t", "7", "0000000007", String(repeating: "0", count: 30) + "7"],
      in: { post("Content-Length:\($0)\r\n") }, .accepted(.length(7), isPersistent: true))
    + cases(
      "9110 8.6 not one number",
      ["7,", ",7", "7;7", "7 7", "7\t7", "７", "٧", "7\u{A0}", "0b1", "1_000", "∞", "-0", "+0"],
      in: { post("Content-Length:\($0)\r\n") }, .refused(.malformedContentLength))
    + [
      RequestCase(
        "9110 8.6 the longest that we can count", post("Content-Length: \(Int.max)\r\n"),
        .accepted(.length(Int.max), isPersistent: true)),
      RequestCase(
        "9112 6.3 twice in another case", post("Content-Length: 5\r\nCONTENT-LENGTH: 5\r\n"),
        .refused(.repeatedContentLength)),
      RequestCase(
        "9112 6.3 twice, once empty", post("Content-Length: 5\r\nContent-Length:\r\n"),
        .refused(.repeatedContentLength)),
      RequestCase(
        "9112 6.1 both, on 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        .refused(.lengthAndTransferCoding)),
      RequestCase(
        "9112 6.1 both, the length twice",
        post("Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        .refused(.lengthAndTransferCoding)),
      RequestCase(
        "9112 6.1 both, the coding empty", post("Content-Length: 5\r\nTransfer-Encoding:\r\n"),
        .refused(.lengthAndTransferCoding)),
      RequestCase(
        "9112 6.1 in two lines", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
        .refused(.unknownTransferCoding)),
      RequestCase(
        "9112 6.3 a length on 1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n",
        .accepted(.length(5), isPersistent: false)),
    ]

  private static let disputedTargets =
    cases(
      "3986 5.2.4 a way up, however it is written",
      [
        "/%2e", "/%2E", "/%2e%2e", "/%2E.", "/.%2E/", "/a/%2e%2e/b", "/a/..", "/a/.", "/./", "/../", "/..?a",
        "/.?a",
        "http://a/..", "http://a/%2e%2e/b", "http://a/./b",
      ], in: target, .refused(.malformedTarget))
    + cases(
      "3629 3 an encoding that has a shorter one, or none",
      [
        "/%c0%ae%c0%ae", "/%c0%af", "/%e0%80%af", "/%f0%80%80%af", "/%ed%a0%80", "/%f4%90%80%80", "/%c3",
        "/%a9", "/%c3(", "/%fe",
      ],
      in: target, .refused(.malformedTarget))
    + cases(
      "3986 2.1 a percent sign that encodes nothing",
      ["/%%41", "/%4%31", "/%u0041", "/%+1", "/a%", "/%g0", "/%0g"],
      in: target, .refused(.malformedTarget))
    + cases(
      "an encoded byte that would change the reading",
      ["/%2f", "/%2F", "/a%2f..%2fb", "/%00", "/%0a", "/%0d", "/%09", "/%1f", "/%7f", "/..%00"],
      in: target, .refused(.malformedTarget))
    + cases(
      "9112 3.2 neither path nor URL",
      [
        "\\", "a", ".", "..", "**", "*?a", "http:", "http:/", "http://", "http:/a", "https://", "http//a",
        "://a", "//#",
        "http://?q", "http://#", "http://a#f", "http://a@", "http://@a", "http://u:p@a/", "http://a:x/",
        "http://a:123456/",
        "http://[::1/", "http://a%20b/", "ws://a/", "a:443", "file:///etc/passwd", "javascript:1",
      ], in: target, .refused(.malformedTarget))
    + cases(
      "9112 3.2 the asterisk is for OPTIONS", ["HEAD", "POST", "options", "CONNECT"],
      in: { line("\($0) * HTTP/1.1") },
      .refused(.malformedTarget))
    + cases(
      "3986 3 plain, if odd",
      [
        "/..;/", "/.a", "/a.", "/....", "/%25", "/%252f", "/%20", "/%3f", "/%23", "/?", "/??", "/?/../",
        "/?a=%zz", "/?%00",
        "/a?b/c", "//a/b", "///", "/a//b", "/+", "/a;b=c", "/:@!$&'()*,=~", "/%E2%82%AC", "/%f0%9f%98%80",
        "hTTp://A:80/",
        "http://[::1]:80/", "http://a/?", "http://a:/", "/http://a",
      ], in: target, .bodyless)

  private static let disputedVersions =
    cases(
      "9112 3 not a request line",
      [
        "GET / HTTP/1.1\t", "GET / HTTP/1,1", "GET / HTTP /1.1", "GET / HTTP/ 1.1", "GET / HTTP/1.",
        "GET / HTTP/.1",
        "GET / HTTP/11", "GET / HTTP/-1.1", "GET / HTTP/1.1.", "GET / HTTP/1.x", "GET / HTTP/x.1",
        "GET / HTTP/1.１",
        "GET / HTTP\\1.1", "GET / HTTPS/1.1", "GET / Http/1.1", "GET / HTTP/0x1", "GET / ", "GET /", "GET",
        "GET ", " ", "/",
        "GET: / HTTP/1.1", "\"GET\" / HTTP/1.1", "GÉT / HTTP/1.1", "G\u{0}T / HTTP/1.1", "GET\u{B}/ HTTP/1.1",
        "GET /\u{C}HTTP/1.1", "GET / a HTTP/1.1", "GET /\tHTTP/1.1", "HTTP/1.1 200 OK", "Host: b",
        "\u{FEFF}GET / HTTP/1.1",
      ], in: line, .refused(.malformedRequestLine))
    + cases(
      "9110 15.6.6 another major version",
      ["HTTP/0.0", "HTTP/0.9", "HTTP/0.1", "HTTP/2.0", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9"],
      in: { line("GET / \($0)") },
      .refused(.unsupportedVersion))
    + cases(
      "9110 2.5 a minor version is ours", (1...9).map(String.init), in: { line("GET / HTTP/1.\($0)") },
      .bodyless)
    + cases(
      "9110 9.1 any token is a method",
      ["get", "G", "M-SEARCH", "A.B", "!#$%&'*+-.^_`|~", "123", String(repeating: "A", count: 32)],
      in: { line("\($0) / HTTP/1.1") }, .bodyless)

  private static let disputedHosts =
    cases(
      "9110 7.2 more or other than a host",
      [
        "a\tb", "http://a", "a/", "/", "a\\b", "a%2eb", "a:b:c", "a:-1", "a:+1", "a: 1", "a:1x", "[::1]]",
        "x[::1]",
        "::1", "[::1]:x", "[fe80::1%25eth0]", "[", "]", "a\u{A0}", "<a>", "\"a\"", "a|b", "{a}", "^", "`",
      ], in: { "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n" }, .refused(.malformedHost))
    + cases(
      "9110 7.2 a host",
      [
        "A.EXAMPLE", "a.", "xn--nxasmq6b", "1", "255.255.255.255:0", "[::]", "[::ffff:1.2.3.4]:1", "[::1]:",
        "a:65535",
      ],
      in: { "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n" }, .bodyless)
    + cases(
      "9112 3.2 a second Host, however it is written", ["Host: b", "host: a", "HOST:", "hOsT: a"],
      in: { "GET / HTTP/1.1\r\nHost: a\r\n\($0)\r\n\r\n" }, .refused(.repeatedHost))
    + cases(
      "9112 3.2 what only looks like Host", ["Host : a", "Ho st: a", "Host", "Host\t:a"],
      in: { "GET / HTTP/1.1\r\n\($0)\r\n\r\n" }, .refused(.malformedFieldName))
    + [
      RequestCase(
        "9112 3.2 none, though the target has one", "GET http://a/ HTTP/1.1\r\n\r\n", .refused(.missingHost)),
      RequestCase("9112 3.2 after the end", "GET / HTTP/1.1\r\n\r\nHost: a\r\n\r\n", .refused(.missingHost)),
      RequestCase("9112 3.2.2 both, different", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", .bodyless),
      RequestCase(
        "9112 3.2.2 both, Host broken", "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n",
        .refused(.malformedHost)),
    ]
}
