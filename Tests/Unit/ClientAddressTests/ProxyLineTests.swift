import ClientAddress
import Testing

/// Parses all of `text` at once.
func parsed(_ text: String) throws(ProxyHeaderError) -> ProxyHeader? {
  let bytes = Array(text.utf8)
  return try ProxyHeader.parse(bytes.span)
}

@Suite struct ProxyLineTests {
  private static let lastAddress = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

  /// Lines without their CR LF, with the source's address and port.
  ///
  /// Nil stands for the connection's peer.
  static let accepted: [(String, (String, UInt16)?)] = [
    ("PROXY TCP4 203.0.113.9 10.0.0.1 56324 443", ("203.0.113.9", 56324)),
    ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535", ("255.255.255.255", 65535)),
    ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0", ("0.0.0.0", 0)),
    ("PROXY TCP6 2001:db8::9 ::1 1 2", ("2001:db8::9", 1)),
    ("PROXY TCP6 2001:DB8::A ::1 1 2", ("2001:db8::a", 1)),
    ("PROXY TCP6 ::ffff:203.0.113.9 ::ffff:10.0.0.1 1 2", ("203.0.113.9", 1)),
    (
      "PROXY TCP6 \(lastAddress) \(lastAddress) 65535 65535",
      (lastAddress, 65535)
    ),
    ("PROXY UNKNOWN", nil), ("PROXY UNKNOWN ", nil), ("PROXY UNKNOWN 203.0.113.9 x \u{0} é", nil),
    (
      "PROXY UNKNOWN \(lastAddress) \(lastAddress) 65535 65535",
      nil
    ),
  ]

  @Test(arguments: 0..<accepted.count)
  func aLineNamesItsSource(_ row: Int) throws {
    let (line, expected) = Self.accepted[row]
    let source: ProxyHeader.Source =
      try expected.map { .ip(try #require(IPAddress($0.0)), port: $0.1) } ?? .local
    // Following bytes belong to the connection, even if they look like another header.
    for rest in ["", "GET / HTTP/1.1\r\n", "\r", "PROXY UNKNOWN\r\n"] {
      let header = try #require(try parsed("\(line)\r\n\(rest)"))
      #expect(header.source == source && header.byteCount == line.utf8.count + 2)
    }
  }

  @Test(
    arguments: [
      ("PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\n", .bareLineFeed),
      ("PROXY \nTCP4", .bareLineFeed), ("PROXY UNKNOWN a\nb\r\n", .bareLineFeed),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r ", .bareCarriageReturn),
      ("PROXY \r\r\n", .bareCarriageReturn),
      ("PROXY UNKNOWN a\rb\r\n", .bareCarriageReturn), ("PROXY TCP5 a\r\n", .unknownProtocol),
      ("PROXY \r\n", .unknownProtocol), ("PROXY  TCP4 203.0.113.9 10.0.0.1 1 2\r\n", .unknownProtocol),
      ("PROXY tcp4 203.0.113.9 10.0.0.1 1 2\r\n", .unknownProtocol), ("PROXY UNKNOWNS\r\n", .unknownProtocol),
      ("PROXY UDP4 203.0.113.9 10.0.0.1 1 2\r\n", .unknownProtocol), ("PROXY TCP4\r\n", .malformedLine),
      ("PROXY TCP4 \r\n", .malformedLine), ("PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n", .malformedLine),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 1 2 3\r\n", .malformedLine),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 1 2 \r\n", .malformedLine),
      ("PROXY TCP4 203.0.113.9  10.0.0.1 1 2\r\n", .malformedLine),
      ("PROXY TCP4  203.0.113.9 10.0.0.1 1 2\r\n", .malformedLine),
      ("PROXY TCP4 203.0.113.9\t10.0.0.1 1 2\r\n", .malformedLine),
      ("PROXY TCP4 203.0.113.09 10.0.0.1 1 2\r\n", .malformedAddress),
      ("PROXY TCP4 203.0.113.9 10.0.1 1 2\r\n", .malformedAddress),
      ("PROXY TCP4 203.0.113.256 10.0.0.1 1 2\r\n", .malformedAddress),
      ("PROXY TCP4 2001:db8::9 ::1 1 2\r\n", .malformedAddress),
      ("PROXY TCP4 ::ffff:203.0.113.9 10.0.0.1 1 2\r\n", .malformedAddress),
      ("PROXY TCP6 203.0.113.9 10.0.0.1 1 2\r\n", .malformedAddress),
      ("PROXY TCP6 2001:db8::9 10.0.0.1 1 2\r\n", .malformedAddress),
      ("PROXY TCP6 fe80::1%1 ::1 1 2\r\n", .malformedAddress),
      ("PROXY TCP6 [2001:db8::9] ::1 1 2\r\n", .malformedAddress),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 01 2\r\n", .malformedPort),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 1 00\r\n", .malformedPort),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 65536 2\r\n", .malformedPort),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 1 99999\r\n", .malformedPort),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 100000 2\r\n", .malformedPort),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 +1 2\r\n", .malformedPort),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 -1 2\r\n", .malformedPort),
      ("PROXY TCP4 203.0.113.9 10.0.0.1 0x1 2\r\n", .malformedPort),
      ("G", .notAProxyHeader), ("GET / HTTP/1.1\r\n", .notAProxyHeader), ("\n", .notAProxyHeader),
      ("proxy TCP4", .notAProxyHeader), ("PROXY\r\n", .notAProxyHeader), ("PROXY\t", .notAProxyHeader),
      ("PX", .notAProxyHeader), (" PROXY", .notAProxyHeader), ("\u{16}\u{3}\u{1}", .notAProxyHeader),
    ] as [(String, ProxyHeaderError)])
  func aLineThatBreaksARuleIsRefused(_ text: String, _ error: ProxyHeaderError) {
    #expect(throws: error) { try parsed(text) }
  }

  @Test func theLineEndsWithin107Bytes() throws {
    let start = "PROXY UNKNOWN "
    let longest = start + String(repeating: "x", count: 105 - start.count)
    #expect(try parsed(longest + "\r\n")?.byteCount == 107)
    #expect(try parsed(longest) == nil)
    #expect(throws: ProxyHeaderError.lineTooLong) { try parsed(longest + "x") }
    #expect(throws: ProxyHeaderError.lineTooLong) { try parsed(longest + "x\r\n") }
  }

  @Test(arguments: [
    ("PROXY UNKNOWN\r\n", "192.0.2.1"), ("PROXY TCP4 203.0.113.9 10.0.0.1 1 2\r\n", "203.0.113.9"),
  ])
  func theProxyIsTheClientWhereItNamesNone(_ line: String, _ client: String) throws {
    let header = try #require(try parsed(line))
    let peer = PeerAddress.ip(try #require(IPAddress("192.0.2.1")))
    #expect(header.client(of: peer).description == client)
    #expect(header.client(of: .unixSocket).description == (header.source == .local ? "unix" : client))
  }
}
