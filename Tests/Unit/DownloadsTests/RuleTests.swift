import Bytes
import ClientAddress
@testable import Downloads
import HTTPClient
import Testing
import Time

/// The pure rules: which strings are files, and what files are called.
@Suite struct SourceRulesTests {
  private static let rules = SourceRules()

  private static func url(_ text: String, _ rules: SourceRules = rules) -> String? {
    guard case .url(let url)? = rules.source(text) else { return nil }
    return url.text
  }

  @Test(arguments: [
    "https://replicate.delivery/xezq/a/out-0.png", "https://pbxt.replicate.delivery/a?b=c&d=%2F",
    "HTTPS://Replicate.Delivery/A", "https://replicate.delivery:443/a", "https://replicate.delivery",
    "https://a.b.c.replicate.delivery/x", "https://replicate.delivery?x",
  ])
  func `a URL of an allowed host is a file`(_ text: String) {
    #expect(Self.url(text) == text)
  }

  @Test(arguments: [
    ("https://replicate.delivery/a b.png", nil),
    ("https://replicate.delivery/a.mp4#t=1", "https://replicate.delivery/a.mp4"),
    ("https://replicate.delivery/ü.png", "https://replicate.delivery/%C3%BC.png"),
    ("https://replicate.delivery/{a|b}^`\"<>", "https://replicate.delivery/%7Ba%7Cb%7D%5E%60%22%3C%3E"),
    ("https://replicate.delivery/a%zz", "https://replicate.delivery/a%zz"),
  ])
  func `a path is sent as visible ASCII without its fragment`(_ text: String, _ expected: String?) {
    #expect(Self.url(text) == expected)
  }

  @Test(arguments: [
    "", "a", "see https://replicate.delivery/a.png", " https://replicate.delivery/a",
    "https://replicate.delivery/a\n",
    "http://replicate.delivery/a", "ftp://replicate.delivery/a", "//replicate.delivery/a",
    "https:/replicate.delivery/a",
    "https:replicate.delivery", "https:///replicate.delivery/a", "https://replicate.delivery.evil.test/a",
    "https://replicate.delivery@evil.test/a", "https://evil.test@replicate.delivery/a",
    "https://user:pass@replicate.delivery/a", "https://evilreplicate.delivery/a", "https://delivery/a",
    "https://evil.test/https://replicate.delivery/a", "https://evil.test#.replicate.delivery/",
    "https://evil.test?.replicate.delivery", "https://evil.test\\.replicate.delivery/a",
    "https://evil.test\\@replicate.delivery/a", "https://replicate.delivery\\@evil.test/",
    "https://replicate.delivery\t.evil.test/", "https://replicate.delivery%2eevil.test/",
    "https://replicate.delivery%00.evil.test/", "https://replicate。delivery/a",
    "https://rеplicate.delivery/a",
    "https://replicate.delivery./a", "https://.replicate.delivery/a", "https://replicate.delivery:80/a",
    "https://replicate.delivery:8443/", "https://replicate.delivery:0443x/", "https://replicate.delivery:/a",
    "https://169.254.169.254/latest/meta-data/", "http://169.254.169.254/", "https://[::1]/",
    "https://2130706433/",
    "https://127.0.0.1/a", "https://0x7f.1/", "https://localhost/a", "https://[::ffff:169.254.169.254]/",
    "https://replicate.delivery/a\\..\\b", "https://replicate.delivery/\u{7F}",
    "https://replicate.delivery/\0",
    "https://replicate.delivery/\u{1}", "file:///etc/passwd", "gopher://replicate.delivery/",
    "javascript:alert(1)",
    "https://xn--replicate.delivery:443@evil.test/", "{\"url\": \"https://replicate.delivery/a\"}",
  ])
  func `any other string is text`(_ text: String) {
    #expect(Self.rules.source(text) == nil)
  }

  @Test func `the length of a URL is bounded`() {
    let start = "https://replicate.delivery/"
    let longest = start + String(repeating: "ü", count: (SourceRules.maxBytes - start.utf8.count) / 2)
    #expect(Self.url(longest) != nil)
    #expect(Self.url(longest + "aa") == nil)
    #expect(Self.url(start + String(repeating: "a", count: 1 << 20)) == nil)
  }

  @Test func `exactly the origin of an API on this machine is allowed besides`() {
    let rules = SourceRules(apiURL: "http://127.0.0.1:4000/v1")
    #expect(Self.url("http://127.0.0.1:4000/files/a", rules) != nil)
    #expect(Self.url("https://replicate.delivery/a", rules) != nil)
    for text in [
      "http://127.0.0.1:4001/a", "https://127.0.0.1:4000/a", "http://127.0.0.1/a", "http://127.0.0.2:4000/",
      "http://localhost:4000/a", "http://[::1]:4000/a", "http://127.0.0.1:4000@evil.test/",
      "http://user@127.0.0.1:4000/", "http://2130706433:4000/a", "http://0x7f000001:4000/",
      "http://127.1:4000/", "http://[::ffff:127.0.0.1]:4000/a", "http://169.254.169.254/",
    ] {
      #expect(rules.source(text) == nil, "\(text)")
    }
    #expect(Self.url("http://localhost/a", SourceRules(apiURL: "http://localhost")) != nil)
    #expect(Self.url("http://localhost:80/a", SourceRules(apiURL: "http://localhost/")) != nil)
  }

  @Test(arguments: [
    "https://api.replicate.com", "http://10.0.0.1:4000", "http://169.254.169.254", "http://[fd00::1]/",
    "none",
    "http://localhost.evil.test",
  ])
  func `another API opens no origin`(_ apiURL: String) {
    let rules = SourceRules(apiURL: apiURL)
    #expect(rules.source("\(apiURL)/a") == nil)
  }

  @Test func `an address is public unless a proxy opens it or the origin is loopback`() throws {
    let file = try #require(Self.rules.url("https://replicate.delivery/a"))
    #expect(Self.rules.addresses(for: file) == .publicAddresses())
    #expect(SourceRules(isProxied: true).addresses(for: file) == .everyAddress)
    let local = SourceRules(apiURL: "http://127.0.0.1:4000", isProxied: true)
    let policy = local.addresses(for: try #require(local.url("http://127.0.0.1:4000/a")))
    for (address, isAllowed) in [
      ("127.0.0.1", true), ("::1", true), ("10.0.0.1", false), ("8.8.8.8", false), ("169.254.169.254", false),
    ] {
      #expect((policy.refusal(of: try #require(IPAddress(address))) == nil) == isAllowed, "\(address)")
    }
  }

  @Test(arguments: [
    ("replicate.delivery", ["replicate.delivery"]),
    ("a.test, B.test c.test", ["a.test", "b.test", "c.test"]),
  ])
  func `hosts are parsed`(_ text: String, _ names: [String]) throws {
    #expect(try SourceHosts(parsing: text).names == names)
  }

  @Test(arguments: [
    ("", SourceHosts.ParseError.empty), (" , ", .empty), ("com", .noDomain("com")),
    ("localhost", .noDomain("localhost")), ("https://a.test", .notAHost("https://a.test")),
    ("a.test:443", .notAHost("a.test:443")), ("a.test/b", .notAHost("a.test/b")),
    ("*.a.test", .notAHost("*.a.test")), ("127.0.0.1", .notAHost("127.0.0.1")), ("[::1]", .notAHost("[::1]")),
    ("user@a.test", .notAHost("user@a.test")), (".a.test", .notAHost(".a.test")),
    ("ü.test", .notAHost("ü.test")),
    (Array(repeating: "a.test", count: 65).joined(separator: ","), .tooMany),
  ])
  func `a host that is none is refused`(_ text: String, _ error: SourceHosts.ParseError) {
    #expect(throws: error) { try SourceHosts(parsing: text) }
    #expect(!error.description.isEmpty)
  }

  @Test(arguments: [
    ("https://replicate.delivery/b", "https://replicate.delivery/b"), ("//a.test/b", "https://a.test/b"),
    ("/b?c", "https://replicate.delivery/b?c"), ("b", "https://replicate.delivery/x/b"),
    ("../b", "https://replicate.delivery/x/../b"), ("?b", "https://replicate.delivery/x/y?b"),
    ("", "https://replicate.delivery/x/y"), ("http://a.test", "http://a.test"), ("a:b", "a:b"),
    ("b/c:d", "https://replicate.delivery/x/b/c:d"), ("?a:b", "https://replicate.delivery/x/y?a:b"),
    ("\\\\evil.test/", "https://replicate.delivery/x/\\\\evil.test/"),
  ])
  func `a location is resolved`(_ location: String, _ expected: String) throws {
    let base = try #require(Self.rules.url("https://replicate.delivery/x/y?z=/w"))
    #expect(Redirection.resolve(location, against: base) == expected)
  }

  @Test(arguments: ["@evil.test/", ".evil.test/", ":8443/"])
  func `a relative location cannot change the host`(_ location: String) throws {
    let base = try #require(Self.rules.url("https://replicate.delivery"))
    #expect(Redirection.resolve(location, against: base) == "https://replicate.delivery/\(location)")
  }
}

@Suite struct FileNameTests {
  @Test(arguments: [
    ("out-0.png", "out-0.png"), ("a/b/c.mp4?x=/y.txt", "c.mp4"), ("a%20b(1).png", "a_b_1_.png"),
    ("%C3%BC.png", "_.png"), ("..", "output-3.png"), (".", "output-3.png"), ("", "output-3.png"),
    ("a/", "output-3.png"), ("%2e%2e", "output-3.png"), ("..%2f..%2fetc%2fpasswd", ".._.._etc_passwd"),
    ("a%22b%0d%0aSet-Cookie:x", "a_b__Set-Cookie_x"), ("a%00.png", "a_.png"), ("%ff%fe", "_ff_fe"),
    ("a%zz.png", "a_zz.png"), ("...", "output-3.png"), ("%5C..%5Cx", "_.._x"), (".htaccess", ".htaccess"),
  ])
  func `a name is the last segment of the path in plain letters`(_ path: String, _ name: String) throws {
    let url = try #require(SourceRules().url("https://replicate.delivery/\(path)"))
    #expect(FileName.of(url, index: 3, type: MediaType(valid: "image/png")) == name)
  }

  @Test func `a long name keeps its extension`() throws {
    let long = String(repeating: "a", count: 500)
    for (path, name) in [
      ("\(long).png", String(repeating: "a", count: 96) + ".png"), (long, String(repeating: "a", count: 100)),
      ("a.\(long)", "a." + String(repeating: "a", count: 98)),
    ] {
      let url = try #require(SourceRules().url("https://replicate.delivery/\(path)"))
      #expect(FileName.of(url, index: 0, type: .unknown) == name)
    }
    let bare = try #require(SourceRules().url("https://replicate.delivery"))
    #expect(FileName.of(bare, index: 0, type: .unknown) == "output-0")
  }

  @Test(
    arguments: [
      ("a.PNG", "png"), ("a.tar.gz", "gz"), ("a", nil), (".png", nil), ("a.", nil), ("a.abcdefghijklm", nil),
    ] as [(String, String?)])
  func `an extension follows the last dot`(_ name: String, _ expected: String?) {
    #expect(FileName.fileExtension(of: name) == expected)
  }
}

@Suite struct MediaTypeTests {
  @Test(
    arguments: [
      ("image/png", "image/png"), ("IMAGE/PNG; a=b", "image/png"),
      ("text/plain; charset=UTF-8", "text/plain; charset=utf-8"),
      ("text/html;charset=\"utf-8\"", "text/html; charset=utf-8"),
      ("text/plain; charset=\"a\r\nb\"", "text/plain"),
      ("image/png; charset=utf-8", "image/png"), ("image", nil), ("image/", nil), ("/png", nil),
      ("a/b/c", nil),
      ("", nil), ("image/p ng", nil), ("image/png\r\nX: y", nil), ("ü/png", nil),
      ("image/png,text/html", nil),
      ("a/" + String(repeating: "b", count: 200), nil),
    ] as [(String, String?)])
  func `a type is parsed strictly`(_ value: String, _ expected: String?) {
    #expect(MediaType(value)?.description == expected)
  }

  private static let samples: [([UInt8], String)] = [
    ([0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A], "image/png"), ([0xFF, 0xD8, 0xFF, 0xE0], "image/jpeg"),
    (Array("GIF89a".utf8), "image/gif"), (Array("RIFF....WEBPVP8 ".utf8), "image/webp"),
    (Array("RIFF....WAVEfmt ".utf8), "audio/wav"), ([0, 0, 0, 0x18] + Array("ftypmp42".utf8), "video/mp4"),
    ([0, 0, 0, 0x18] + Array("ftypavif".utf8), "image/avif"),
    ([0, 0, 0, 0x18] + Array("ftypqt  ".utf8), "video/quicktime"),
    ([0, 0, 0, 0x18] + Array("ftypM4A ".utf8), "audio/mp4"),
    ([0x1A, 0x45, 0xDF, 0xA3, 1, 2, 3] + Array("webm".utf8), "video/webm"),
    ([0x1A, 0x45, 0xDF, 0xA3, 1, 2, 3] + Array("matroska".utf8), "video/x-matroska"),
    (Array("ID3\u{3}".utf8), "audio/mpeg"), ([0xFF, 0xFB, 0x90, 0x64], "audio/mpeg"),
    (Array("OggS\0".utf8), "audio/ogg"), (Array("fLaC".utf8), "audio/flac"),
    (Array("%PDF-1.7".utf8), "application/pdf"),
    ([0x50, 0x4B, 3, 4], "application/zip"), ([0x1F, 0x8B, 8], "application/gzip"),
    ([UInt8](repeating: 0, count: 257) + Array("ustar".utf8), "application/x-tar"),
    (Array("glTF".utf8), "model/gltf-binary"),
  ]

  @Test(arguments: samples)
  func `the first bytes show a type`(_ bytes: [UInt8], _ type: String) {
    #expect(MediaSignature.type(of: bytes.span) == type)
    // No prefix of it is read beyond its end.
    for count in 0..<bytes.count { _ = MediaSignature.type(of: Array(bytes.prefix(count)).span) }
  }

  @Test(arguments: [
    "", "<svg xmlns=", "<!DOCTYPE html>", "{\"a\": 1}", "hello", "\u{FF}", "RIFF", "RIFF....AVI ",
  ])
  func `text and others show none`(_ text: String) {
    #expect(MediaSignature.type(of: Array(text.utf8).span) == nil)
  }

  @Test(
    arguments: [
      ("image/gif", "GIF89a", "a.png", "image/gif"),
      ("application/octet-stream", "GIF89a", "a.png", "image/gif"),
      ("binary/octet-stream", "x", "a.png", "image/png"), (nil, "x", "a.JSON", "application/json"),
      ("", "x", "a", "application/octet-stream"), ("garbage", "<svg", "a.svg", "image/svg+xml"),
      (nil, "<html>", "a.xyz", "application/octet-stream"),
      ("text/plain;charset=utf-8", "GIF89a", "", "text/plain; charset=utf-8"),
    ] as [(String?, String, String, String)])
  func `the answer counts before the content and that before the name`(
    _ declared: String?, _ start: String, _ name: String, _ expected: String
  ) {
    #expect(
      MediaType.of(declared: declared, start: Array(start.utf8).span, name: name).description == expected)
  }
}

@Suite struct DataURITests {
  @Test(arguments: [
    ("data:,a%20b", "text/plain; charset=us-ascii", "a b"),
    ("data:;base64,aGk=", "text/plain; charset=us-ascii", "hi"),
    ("data:text/html;charset=utf-8,<p>", "text/html; charset=utf-8", "<p>"),
    ("DATA:image/png;BASE64,aGk=", "image/png", "hi"), ("data:image/png;base64,aGk", "image/png", "hi"),
    ("data:image/png;base64,aG\n k%3D", "image/png", "hi"), ("data:image/png,", "image/png", ""),
    ("data:;charset=utf-8,x", "text/plain; charset=utf-8", "x"),
    ("data:nonsense/,x", "application/octet-stream", "x"),
    ("data:image/png;base64,", "image/png", ""), ("data:text/plain,a,b", "text/plain", "a,b"),
    ("data:application/x;a=b;base64,aGk=", "application/x", "hi"),
  ])
  func `a URI holds a type and bytes`(_ text: String, _ type: String, _ content: String) {
    let uri = DataURI(text)
    #expect(uri?.type.description == type)
    #expect(uri?.bytes == Array(content.utf8))
    #expect(SourceRules().source(text) == .data(text))
  }

  @Test(arguments: [
    "data:image/png;base64,aGk=!", "data:image/png;base64,a", "data:,%", "data:,%zz", "data:;base64,aG=k",
    "data:image/png;base64,a-_k", "data:text/plain,%4",
  ])
  func `a broken one is a file without content`(_ text: String) {
    #expect(DataURI(text) == nil)
    #expect(SourceRules().source(text) == .data(text))
  }

  @Test(arguments: [
    "data:", "data:image/png;base64", "data: none, really", "data:foo,bar", "database, table", "dat:,x",
    "data: ,x",
    "data:" + String(repeating: "a", count: 300) + "/b,x", "data:image/png bla, x", "xdata:,a",
  ])
  func `text that starts alike is text`(_ text: String) {
    #expect(SourceRules().source(text) == nil)
  }
}

@Suite struct ResponseRuleTests {
  @Test(arguments: [
    ("bytes 0-9/10", 0, 9, 10), ("BYTES 5-9/10", 5, 9, 10),
  ])
  func `a content range is parsed`(_ value: String, _ first: Int, _ last: Int, _ total: Int) {
    let range = ContentRange(value)
    #expect(range?.first == first && range?.last == last && range?.total == total)
  }

  @Test(arguments: [
    "", "bytes", "bytes 0-9", "bytes 0-9/*", "bytes */10", "bytes 9-0/10", "bytes 0-10/10", "bytes -1-9/10",
    "bytes +0-9/10", "items 0-9/10", "bytes 0-9/10 ", "bytes 0-99999999999999999999/999999999999999999999",
    "bytes  0-9/10",
  ])
  func `another content range is none`(_ value: String) {
    #expect(ContentRange(value) == nil)
  }

  @Test(arguments: [
    ("\"a\"", true), ("\"\"", true), ("W/\"a\"", false), ("a", false), ("\"a", false), ("\"a\"b\"", false),
    ("\"", false),
    ("\"a b\"", false), ("\"" + String(repeating: "a", count: 300) + "\"", false),
  ])
  func `a range needs a strong entity tag`(_ value: String, _ isStrong: Bool) {
    #expect(EntityTag.strong(value) == (isStrong ? value : nil))
  }

  @Test(arguments: [
    (["crc32c=yZRlqg==", "md5=XrY7u+Ae7tCTyyK7j1rNww=="], true),
    (["crc32c=yZRlqg==,md5=XrY7u+Ae7tCTyyK7j1rNww=="], true),
    (["crc32c=yZRlqg==, md5=XrY7u+Ae7tCTyyK7j1rNww=="], true), (["crc32c=yZRlqg=="], false),
  ])
  func `the strongest checksum counts`(_ values: [String], _ isMD5: Bool) {
    // Of "hello world".
    let md5: [UInt8] = [
      0x5E, 0xB6, 0x3B, 0xBB, 0xE0, 0x1E, 0xEE, 0xD0, 0x93, 0xCB, 0x22, 0xBB, 0x8F, 0x5A, 0xCD, 0xC3,
    ]
    #expect(SourceChecksum(values: values, storedCoding: nil) == (isMD5 ? .md5(md5) : .crc32c(0xC994_65AA)))
    #expect(SourceChecksum(values: values, storedCoding: "gzip") == nil)
    #expect(SourceChecksum(values: values, storedCoding: "identity") != nil)
    for checksum in [SourceChecksum.md5(md5), .crc32c(0xC994_65AA)] {
      var digests = ContentDigests(comparing: checksum)
      digests.update(Array("hello ".utf8).span)
      digests.update(Array("world".utf8).span)
      #expect(digests.finish() == "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")
      var others = ContentDigests(comparing: checksum)
      others.update(Array("hello worle".utf8).span)
      #expect(others.finish() == nil)
    }
  }

  @Test(arguments: [
    [], [""], ["md5="], ["md5=aGk="], ["crc32c=aGk="], ["sha1=yZRlqg=="], ["md5"], ["MD5 = x"],
    ["md5=XrY7u+Ae7tCTyyK7j1rNww"],
  ])
  func `a malformed checksum is none`(_ values: [String]) {
    #expect(SourceChecksum(values: values, storedCoding: nil) == nil)
  }

  /// RFC 9260 and RFC 3720 section B.4.
  @Test func `CRC-32C has the values of its specification`() {
    for (bytes, value) in [
      (Array("123456789".utf8), 0xE306_9283), ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(UInt8(0)..<32), 0x46DD_794E), ([], 0),
    ] as [([UInt8], UInt32)] {
      for split in 0...bytes.count {
        var checksum = CRC32C()
        checksum.update(Array(bytes[..<split]).span)
        checksum.update(Array(bytes[split...]).span)
        #expect(checksum.value == value)
      }
    }
  }

  @Test(
    arguments: [
      (401, .denied, .afterExpiry), (403, .denied, .afterExpiry), (404, .notFound, .afterExpiry),
      (410, .notFound, .afterExpiry), (408, .sourceBusy, .never), (425, .sourceBusy, .never),
      (429, .sourceBusy, .never), (500, .sourceBusy, .never), (503, .sourceBusy, .never),
      (599, .sourceBusy, .never),
      (400, .refused, .afterThreeTries), (418, .refused, .afterThreeTries), (204, .refused, .afterThreeTries),
      (300, .refused, .afterThreeTries), (304, .refused, .afterThreeTries),
    ] as [(Int, DownloadFailure.Code, DownloadFailure.Finality)])
  func `a status has a code`(
    _ status: Int, _ code: DownloadFailure.Code, _ finality: DownloadFailure.Finality
  ) {
    let failure = DownloadFailure(
      status: status, host: "a.test", retryAfter: "7", now: Timestamp(unixSeconds: 0))
    #expect(failure.code == code && failure.code.finality == finality)
    #expect(failure.message == "\(status) from a.test")
    #expect(failure.retryAfter == (code == .sourceBusy ? .seconds(7) : nil))
  }

  @Test(
    arguments: [
      ("0", .seconds(0)), ("99999999", .seconds(3600)), ("-1", nil), ("1.5", nil), ("", nil), ("soon", nil),
      ("Thu, 01 Jan 1970 00:01:40 GMT", .seconds(40)), ("Thu, 01 Jan 1970 00:00:10 GMT", nil),
      ("Thu, 01 Jan 2070 00:00:10 GMT", .seconds(3600)),
    ] as [(String, Duration?)])
  func `a pause is read in both forms and bounded`(_ value: String, _ pause: Duration?) {
    let failure = DownloadFailure(
      status: 503, host: "a", retryAfter: value, now: Timestamp(unixSeconds: 60))
    #expect(failure.retryAfter == pause)
  }
}
