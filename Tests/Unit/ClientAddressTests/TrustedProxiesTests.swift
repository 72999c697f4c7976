import ClientAddress
import Testing

@Suite struct TrustedProxiesTests {
  private static func peer(_ text: String) throws -> PeerAddress {
    text == "unix" ? .unixSocket : .ip(try #require(IPAddress(text)))
  }

  @Test(
    arguments: [
      ("", [], ["127.0.0.1", "::1", "10.0.0.1", "unix"]),
      (" , \t\n,", [], ["127.0.0.1", "unix"]),
      (
        "loopback", ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"],
        ["128.0.0.0", "126.255.255.255", "::2", "unix", "10.0.0.1"]
      ),
      ("unix", ["unix"], ["127.0.0.1", "::1"]),
      (
        "private",
        [
          "10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
          "169.254.0.0", "169.254.255.255", "fc00::", "fdff:ffff::1", "fe80::", "febf::1",
        ],
        [
          "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
          "169.253.255.255", "169.255.0.0", "fbff::", "fe00::", "fec0::", "127.0.0.1", "::1", "unix",
          "100.64.0.1", "2001:db8::1",
        ]
      ),
      (
        "192.0.2.1,198.51.100.0/24  2001:db8::/32\n unix",
        ["192.0.2.1", "198.51.100.7", "2001:db8::9", "unix"], ["192.0.2.2", "198.51.101.0", "2001:db9::"]
      ),
      ("0.0.0.0/1", ["127.0.0.1"], ["128.0.0.1", "::1"]),
    ] as [(String, [String], [String])])
  func trustedAndUntrustedAddresses(_ text: String, _ trusted: [String], _ others: [String]) throws {
    let proxies = try TrustedProxies(parsing: text)
    for text in trusted { #expect(proxies.contains(try Self.peer(text)), "\(text)") }
    for text in others { #expect(!proxies.contains(try Self.peer(text)), "\(text)") }
    #expect((proxies == .none) == trusted.isEmpty)
  }

  @Test(arguments: [
    ("10.0.0.1/8", 1, "10.0.0.1/8", "write 10.0.0.0/8"),
    ("loopback, 10.0.0.0/8,,2001:db8::1/32", 3, "2001:db8::1/32", "write 2001:db8::/32"),
    ("loopback Private", 2, "Private", "none of the words loopback, private and unix"),
    ("localhost", 1, "localhost", "such as 192.0.2.1"),
    ("unix 10.0.0.0/33", 2, "10.0.0.0/33", "must be 0 to 32"),
    ("unix 10.0.0.0/a", 2, "10.0.0.0/a", "plain decimal number"),
    ("10.0.0.0 / 8", 2, "/", "no IPv4 or IPv6 address"),
    ("10.0.0.1;10.0.0.2", 1, "10.0.0.1;10.0.0.2", "no IPv4 or IPv6 address"),
    ("0.0.0.0/0", 1, "0.0.0.0/0", "name your proxies"), ("loopback ::/0", 2, "::/0", "name your proxies"),
    ("::ffff:0:0/96", 1, "::ffff:0:0/96", "name your proxies"),
  ])
  func theItemThatIsWrongIsNamedWithItsFix(_ text: String, _ position: Int, _ item: String, _ fix: String) {
    let error = #expect(throws: TrustedProxies.ParseError.self) { try TrustedProxies(parsing: text) }
    #expect(error?.position == position && error?.item == item)
    #expect(error?.explanation.hasPrefix("item \(position): ") == true)
    #expect(error?.explanation.contains(fix) == true, "\(error?.explanation ?? "")")
  }

  @Test func theRangesAreBounded() throws {
    let items = (0..<TrustedProxies.maxRanges).map { "10.0.\($0 / 256).\($0 % 256)" }
    _ = try TrustedProxies(parsing: items.joined(separator: " "))
    let error = #expect(throws: TrustedProxies.ParseError.self) {
      try TrustedProxies(parsing: items.joined(separator: " ") + " 192.0.2.1")
    }
    #expect(error?.position == TrustedProxies.maxRanges + 1 && error?.problem == .tooMany)
  }
}
