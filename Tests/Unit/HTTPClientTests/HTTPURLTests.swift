import ClientAddress
import HTTPClient
import Testing

@Suite struct HTTPURLTests {
  @Test(
    arguments: [
      ("https://app.example.com/hook?a=1", "app.example.com", true),
      ("HTTPS://App.Example.COM", "app.example.com", true),
      ("http://worker:3000/hook", "worker", false), ("http://my_app/", "my_app", false),
      ("https://xn--mnchen-3ya.example/%C3%BC", "xn--mnchen-3ya.example", true),
      ("https://a.example?@b.example", "a.example", true), ("https://a.example/@b", "a.example", true),
    ])
  func `a plain URL is accepted`(_ text: String, _ name: String, _ isSecure: Bool) throws {
    let url = try HTTPURL(text)
    #expect(url.host == .name(name) && url.isSecure == isSecure && url.text == text)
  }

  @Test(arguments: [
    ("http://192.0.2.1:8080/", "192.0.2.1"), ("http://[::1]/", "::1"),
    ("http://[2001:DB8:0::1]:80", "2001:db8::1"),
    ("http://[::ffff:127.0.0.1]/", "127.0.0.1"),
  ])
  func `an address is accepted in its plain spelling`(_ text: String, _ address: String) throws {
    #expect(try HTTPURL(text).host == .address(try #require(IPAddress(address))))
  }

  @Test(
    arguments: [
      ("https://a.example/", nil), ("https://a.example:443/", 443), ("http://[::1]:8080?a", 8080),
    ] as [(String, Int?)])
  func `the port is the one that is written`(_ text: String, _ port: Int?) throws {
    #expect(try HTTPURL(text).port == port)
  }

  @Test func `a caller may bound the length in another way`() throws {
    let text = "https://a.example/\(String(repeating: "a", count: 2048))"
    #expect(try HTTPURL(text, maxBytes: text.utf8.count).text == text)
    #expect(throws: HTTPURL.ParseError.tooLong) { try HTTPURL(text, maxBytes: text.utf8.count - 1) }
  }

  @Test(
    arguments: [
      ("", .scheme), ("app.example.com", .scheme), ("//a.example", .scheme), ("ftp://a.example", .scheme),
      ("file:///etc/passwd", .scheme), ("https:/a.example", .scheme), (" https://a.example", .scheme),
      ("javascript:alert(1)", .scheme), ("gopher://a.example", .scheme),
      ("https://", .host), ("https:///a.example", .host), ("https://?a", .host),
      ("https://user@a.example", .user), ("https://user:pass@a.example", .user),
      ("https://@a.example", .user),
      ("https://a.example#@b.example", .fragment), ("https://a.example/#", .fragment),
      (#"https://a.example\@b.example"#, .characters), ("https://a.example/ b", .characters),
      ("https://a.example/\u{0}", .characters), ("https://a.example/\r\nX: y", .characters),
      ("https://münchen.example/", .characters), ("https://a.example/{b}", .characters),
      ("https://127.0.0.1。example", .characters), ("https://ⓔxample.com", .characters),
      ("http://127.1/", .host), ("http://0x7f.1/", .host), ("http://0x7f000001/", .host),
      ("http://2130706433/", .host), ("http://017700000001/", .host), ("http://0177.0.0.1/", .host),
      ("http://127.0.0.1./", .host), ("http://127.0.0.01/", .host), ("http://256.0.0.1/", .host),
      ("http://localhost./", .host), ("http://a.example./", .host), ("http://a..example/", .host),
      ("http://-a.example/", .host), ("http://a-.example/", .host), ("http://.example/", .host),
      ("http://%6c%6f%63alhost/", .host), ("http://a%2eexample/", .host), ("http://a%00.example/", .host),
      ("http://[fe80::1%25eth0]/", .host), ("http://[fe80::1%eth0]/", .host), ("http://[::1", .host),
      ("http://[127.0.0.1]/", .host), ("http://[::1]x/", .host), ("http://[v1.a]/", .host),
      ("http://::1/", .port),
      ("http://a.example:/", .port), ("http://a.example:0/", .port), ("http://a.example:65536/", .port),
      ("http://a.example:80:80/", .port), ("http://a.example:+80/", .port),
      ("http://a.example: 80/", .characters),
      ("http://a!b.example/", .host), ("http://a,b.example/", .host), ("http://a;b/", .host),
      ("https://\(String(repeating: "a", count: 64)).example/", .host),
      ("https://a.example/\(String(repeating: "a", count: 2048))", .tooLong),
    ] as [(String, HTTPURL.ParseError)])
  func `an odd URL is refused, with the fix`(_ text: String, _ error: HTTPURL.ParseError) {
    #expect(throws: error) { try HTTPURL(text) }
    #expect(error.description.hasPrefix("write ") || error.description.hasPrefix("leave out "))
  }

  // MARK: Allowed hosts

  private static let list = "app.example.com, *.Hooks.example 10.0.0.0/8,fd00::/8,192.0.2.7,worker"

  @Test(
    arguments: [
      ("https://app.example.com/", nil), ("https://APP.example.com:8443/x", nil),
      ("http://worker:3000/", nil),
      ("https://a.hooks.example", nil), ("https://a.b.hooks.example", nil), ("http://10.1.2.3/", nil),
      ("http://[fd00::1]/", nil), ("https://192.0.2.7/", nil), ("http://[64:ff9b::a00:1]/", nil),
      ("https://hooks.example", .notListed), ("https://xhooks.example", .notListed),
      ("https://example.com", .notListed), ("https://b.app.example.com", .notListed),
      ("https://app.example.com.evil.example", .notListed), ("https://11.0.0.1/", .notListed),
      ("https://192.0.2.8/", .notListed), ("http://localhost/", .notListed),
      ("http://127.0.0.1/", .notListed),
      ("http://169.254.169.254/", .notListed), ("http://[::1]/", .notListed),
    ] as [(String, AllowedHosts.Refusal?)])
  func `only listed hosts are allowed`(_ text: String, _ refusal: AllowedHosts.Refusal?) throws {
    let (hosts, url) = (try AllowedHosts(parsing: Self.list), try HTTPURL(text))
    let ranges = try ["10.0.0.0/8", "fd00::/8", "192.0.2.7"].map { try AddressRange(parsing: $0) }
    if let refusal {
      #expect(throws: refusal) { try hosts.policy(for: url) }
    } else {
      #expect(try hosts.policy(for: url) == (url.isSecure ? .publicAddresses(and: ranges) : .only(ranges)))
    }
  }

  @Test func `without ranges a listed name needs TLS`() throws {
    let hosts = try AllowedHosts(parsing: "app.example.com")
    #expect(throws: AllowedHosts.Refusal.noTLS) { try hosts.policy(for: HTTPURL("http://app.example.com/")) }
    #expect(try hosts.policy(for: HTTPURL("https://app.example.com/")) == .publicAddresses())
  }

  @Test func `an empty list allows nothing`() throws {
    let hosts = try AllowedHosts(parsing: " , ")
    #expect(hosts.isEmpty && hosts == .none)
    #expect(throws: AllowedHosts.Refusal.notListed) { try hosts.policy(for: HTTPURL("https://a.example/")) }
  }

  @Test(
    arguments: [
      ("https://a.example", .notAHost), ("a.example/hook", .notAHost), ("a.example:80", .notAHost),
      ("*", .notAHost), ("*.", .notAHost), ("*.*.example", .notAHost), ("a.*.example", .notAHost),
      ("127.1", .notAHost), ("a.example.", .notAHost), ("münchen.example", .notAHost),
      ("10.0.0.0/33", .range(.prefixLengthOutOfBounds(0...32))), ("0.0.0.0/0", .everyAddress),
      ("::/0", .everyAddress), ("[::1]", .notAHost),
    ] as [(String, AllowedHosts.ParseError.Problem)])
  func `a wrong entry is explained`(_ entry: String, _ problem: AllowedHosts.ParseError.Problem) {
    let error = #expect(throws: AllowedHosts.ParseError.self) {
      try AllowedHosts(parsing: "a.example, \(entry)")
    }
    #expect(error == AllowedHosts.ParseError(position: 2, problem: problem))
    #expect(error?.description.hasPrefix("entry 2: ") == true)
  }

  @Test func `the number of entries is bounded`() throws {
    let entries = Array(repeating: "a.example", count: 256)
    #expect(throws: Never.self) { try AllowedHosts(parsing: entries.joined(separator: ",")) }
    #expect(throws: AllowedHosts.ParseError(position: 257, problem: .tooMany)) {
      try AllowedHosts(parsing: (entries + ["b"]).joined(separator: ","))
    }
  }

  @Test func `an operator's URL without TLS leads to private addresses`() throws {
    #expect(try AddressPolicy.ofOperator(for: HTTPURL("https://8.8.8.8/")) == .everyAddress)
    for text in ["http://127.0.0.1:3000/", "http://10.0.0.1/", "http://app/", "http://[fd00::1]/"] {
      #expect(try AddressPolicy.ofOperator(for: HTTPURL(text)) == .privateAddresses)
    }
    for text in ["http://8.8.8.8/", "http://169.254.169.254/"] {
      #expect(throws: AddressRefusal.self) { try AddressPolicy.ofOperator(for: HTTPURL(text)) }
    }
  }
}
