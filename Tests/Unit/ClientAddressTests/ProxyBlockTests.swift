import ClientAddress
import Testing

@Suite struct ProxyBlockTests {
  private static let client = ProxyHeader.Source.ip(IPAddress(ipv4: 0xCB00_7109), port: 56324)
  private static let client6 = ProxyHeader.Source.ip(
    IPAddress(ipv6: 0x2001_0DB8 << 96 | 9), port: 56324)

  static let accepted: [(String, [UInt8], ProxyHeader.Source)] = [
    ("TCP4", ProxyBlocks.block(0x21, 0x11, ProxyBlocks.ipv4), client),
    ("TCP6", ProxyBlocks.block(0x21, 0x21, ProxyBlocks.ipv6), client6),
    ("TCP6 of an IPv4 client", ProxyBlocks.block(0x21, 0x21, ProxyBlocks.mapped), client),
    ("UNIX", ProxyBlocks.block(0x21, 0x31, ProxyBlocks.unix), .unixSocket),
    ("LOCAL", ProxyBlocks.block(0x20, 0x00), .local),
    ("LOCAL with a family and no address", ProxyBlocks.block(0x20, 0x11), .local),
    ("LOCAL with an address", ProxyBlocks.block(0x20, 0x11, ProxyBlocks.ipv4), .local),
    ("LOCAL with a family of datagrams that is none", ProxyBlocks.block(0x20, 0xF2, [1]), .local),
    ("UNSPEC", ProxyBlocks.block(0x21, 0x00), .local),
    ("UNSPEC with something", ProxyBlocks.block(0x21, 0x00, [3, 0, 4, 1, 2]), .local),
    ("IPv4 of an unspecified transport", ProxyBlocks.block(0x21, 0x10, ProxyBlocks.ipv4), .local),
    ("a stream of an unspecified family", ProxyBlocks.block(0x21, 0x01), .local),
    (
      "vectors",
      ProxyBlocks.block(
        0x21, 0x11,
        ProxyBlocks.ipv4 + ProxyBlocks.vector(1, Array("h2".utf8)) + ProxyBlocks.vector(4, [])
          + ProxyBlocks.vector(0xEA, [1, 0x76]) + ProxyBlocks.vector(0xFF, [3, 0, 4])), client
    ),
    ("a checksum", ProxyBlocks.summed(0x11, ProxyBlocks.ipv4), client),
    (
      "a checksum between vectors",
      ProxyBlocks.summed(
        0x21, ProxyBlocks.ipv6, before: ProxyBlocks.vector(2, Array("a.example".utf8)),
        after: ProxyBlocks.vector(5, [1, 2, 3])), client6
    ),
    ("a checksum on UNIX", ProxyBlocks.summed(0x31, ProxyBlocks.unix), .unixSocket),
    (
      "the longest",
      ProxyBlocks.block(
        0x21, 0x11, ProxyBlocks.ipv4 + ProxyBlocks.vector(4, ProxyBlocks.zeros(536 - 16 - 12 - 3))), client
    ),
  ]

  @Test(arguments: accepted)
  func aHeaderNamesItsSource(_ name: String, _ bytes: [UInt8], _ source: ProxyHeader.Source) throws {
    for rest in [[], Array("GET /".utf8), bytes] {
      let header = try #require(try ProxyHeader.parse((bytes + rest).span))
      #expect(header.source == source && header.byteCount == bytes.count)
    }
  }

  @Test(
    arguments: [
      ("version 1 in binary", ProxyBlocks.block(0x11, 0x11, ProxyBlocks.ipv4), .unsupportedVersion),
      ("version 3", ProxyBlocks.signature + [0x31], .unsupportedVersion),
      ("no version", ProxyBlocks.signature + [0x00], .unsupportedVersion),
      ("command 2", ProxyBlocks.signature + [0x22], .unknownCommand),
      ("command 15", ProxyBlocks.signature + [0x2F], .unknownCommand),
      ("family 4", ProxyBlocks.signature + [0x21, 0x41], .unknownFamily),
      ("family 15", ProxyBlocks.signature + [0x21, 0xF0], .unknownFamily),
      ("transport 3", ProxyBlocks.signature + [0x21, 0x13], .unknownTransport),
      ("transport 15", ProxyBlocks.signature + [0x21, 0x0F], .unknownTransport),
      ("UDP4", ProxyBlocks.block(0x21, 0x12, ProxyBlocks.ipv4), .datagram),
      ("UDP6", ProxyBlocks.block(0x21, 0x22, ProxyBlocks.ipv6), .datagram),
      ("UNIX datagrams", ProxyBlocks.block(0x21, 0x32, ProxyBlocks.unix), .datagram),
      ("datagrams of an unspecified family", ProxyBlocks.block(0x21, 0x02), .datagram),
      ("one byte more than the longest", ProxyBlocks.signature + [0x21, 0x11, 0x02, 0x09], .headerTooLong),
      ("the longest length", ProxyBlocks.signature + [0x21, 0x11, 0xFF, 0xFF], .headerTooLong),
      ("a long LOCAL", ProxyBlocks.signature + [0x20, 0x00, 0x02, 0x09], .headerTooLong),
      ("TCP4 without addresses", ProxyBlocks.signature + [0x21, 0x11, 0, 0], .addressesTooShort),
      ("TCP4 without a last byte", ProxyBlocks.signature + [0x21, 0x11, 0, 11], .addressesTooShort),
      ("TCP6 with IPv4 addresses", ProxyBlocks.block(0x21, 0x21, ProxyBlocks.ipv4), .addressesTooShort),
      ("UNIX without a last byte", ProxyBlocks.signature + [0x21, 0x31, 0, 215], .addressesTooShort),
      ("a vector of one byte", ProxyBlocks.block(0x21, 0x11, ProxyBlocks.ipv4 + [4]), .malformedTLV),
      ("a vector of two bytes", ProxyBlocks.block(0x21, 0x11, ProxyBlocks.ipv4 + [4, 0]), .malformedTLV),
      (
        "a vector beyond the end", ProxyBlocks.block(0x21, 0x11, ProxyBlocks.ipv4 + [4, 0, 1]),
        .malformedTLV
      ),
      (
        "a long vector", ProxyBlocks.block(0x21, 0x11, ProxyBlocks.ipv4 + [4, 0xFF, 0xFF, 0]),
        .malformedTLV
      ),
      (
        "a checksum of three bytes",
        ProxyBlocks.block(0x21, 0x11, ProxyBlocks.ipv4 + ProxyBlocks.vector(3, [0, 0, 0])), .malformedTLV
      ),
      (
        "two checksums",
        ProxyBlocks.summed(0x11, ProxyBlocks.ipv4, after: ProxyBlocks.vector(3, [0, 0, 0, 0])),
        .malformedTLV
      ),
      (
        "a checksum of zero",
        ProxyBlocks.block(0x21, 0x11, ProxyBlocks.ipv4 + ProxyBlocks.vector(3, [0, 0, 0, 0])),
        .checksumMismatch
      ),
      ("CR LF", [0x0D, 0x0A, 0x0D, 0x0A, 0x0D], .notAProxyHeader),
      ("a signature with a zero less", [0x0D, 0x0A, 0x0D, 0x0A, 0x0D, 0x0A], .notAProxyHeader),
      ("a signature that ends otherwise", ProxyBlocks.signature.dropLast() + [0x0D], .notAProxyHeader),
    ] as [(String, [UInt8], ProxyHeaderError)])
  func aHeaderThatBreaksARuleIsRefused(_ name: String, _ bytes: [UInt8], _ error: ProxyHeaderError) {
    #expect(throws: error) { try ProxyHeader.parse(bytes.span) }
  }

  /// The checksum covers every byte.
  ///
  /// After any change, the header is rejected or incomplete.
  @Test(arguments: 0..<3)
  func noByteUnderAChecksumCanChange(_ pick: Int) throws {
    let (bytes, type) = [
      (ProxyBlocks.summed(0x11, ProxyBlocks.ipv4, after: ProxyBlocks.vector(5, [1, 2, 3])), 28),
      (ProxyBlocks.summed(0x21, ProxyBlocks.ipv6), 52), (ProxyBlocks.summed(0x31, ProxyBlocks.unix), 232),
    ][pick]
    for index in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << bit
        // A change to LOCAL or UNSPEC makes the rest of the header meaningless, including the checksum. A TLV
        // of another type is no checksum.
        guard let header = try? ProxyHeader.parse(changed.span), header.source != .local else { continue }
        #expect(index == type, "bit \(bit) of byte \(index)")
      }
    }
  }

  @Test func theChecksumIsThatOfTheSpecification() {
    #expect(ProxyBlocks.checksum(Array("123456789".utf8)) == 0xE306_9283)
  }
}
