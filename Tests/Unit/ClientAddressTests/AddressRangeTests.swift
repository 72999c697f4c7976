import ClientAddress
import Testing

@Suite struct AddressRangeTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.0.0.0/8"), ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"),
    ("192.0.2.1", "192.0.2.1"), ("192.0.2.1/32", "192.0.2.1"), ("2001:DB8::/32", "2001:db8::/32"),
    ("2001:db8::1", "2001:db8::1"), ("2001:db8::1/128", "2001:db8::1"), ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ("::ffff:0:0/96", "0.0.0.0/0"), ("::ffff:192.0.2.1", "192.0.2.1"), ("172.16.0.0/12", "172.16.0.0/12"),
  ])
  func aRangeHasOneForm(_ text: String, _ canonical: String) throws {
    let range = try AddressRange(parsing: text)
    #expect(range.description == canonical)
    #expect(try AddressRange(parsing: canonical) == range)
  }

  @Test(
    arguments: [
      ("", .notAnAddress), ("/8", .notAnAddress), ("10.0.0/8", .notAnAddress), ("10/8", .notAnAddress),
      ("010.0.0.0/8", .notAnAddress), ("proxy.example/8", .notAnAddress), (" 10.0.0.0/8", .notAnAddress),
      ("[::1]/128", .notAnAddress), ("10.0.0.0/", .notAPrefixLength), ("10.0.0.0/08", .notAPrefixLength),
      ("10.0.0.0/+8", .notAPrefixLength), ("10.0.0.0/-8", .notAPrefixLength),
      ("10.0.0.0/8/8", .notAPrefixLength),
      ("10.0.0.0/255.0.0.0", .notAPrefixLength), ("10.0.0.0/99999999999999999999", .notAPrefixLength),
      ("10.0.0.0/33", .prefixLengthOutOfBounds(0...32)), ("10.0.0.0/104", .prefixLengthOutOfBounds(0...32)),
      ("::/129", .prefixLengthOutOfBounds(0...128)),
      ("::ffff:10.0.0.0/8", .prefixLengthOutOfBounds(96...128)),
    ] as [(String, AddressRange.ParseError)])
  func malformedRangesAreExplained(_ text: String, _ error: AddressRange.ParseError) {
    #expect(throws: error) { try AddressRange(parsing: text) }
  }

  @Test(arguments: [
    ("10.0.0.1/8", "10.0.0.0/8"), ("192.168.1.1/24", "192.168.1.0/24"), ("10.0.0.3/31", "10.0.0.2/31"),
    ("1.2.3.4/0", "0.0.0.0/0"), ("2001:db8::1/32", "2001:db8::/32"), ("::1/0", "::/0"),
    ("fe80::1/10", "fe80::/10"), ("::ffff:10.0.0.1/104", "10.0.0.0/8"),
  ])
  func theWholeRangeIsProposedForAnAddressInIt(_ text: String, _ corrected: String) throws {
    let range = try AddressRange(parsing: corrected)
    let error = #expect(throws: AddressRange.ParseError.self) { try AddressRange(parsing: text) }
    #expect(error == .hostBitsSet(corrected: range))
    #expect(error?.explanation.contains("write \(corrected) ") == true)
  }

  @Test(arguments: [
    (
      "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
      ["9.255.255.255", "11.0.0.0", "::10.0.0.1"]
    ),
    ("192.0.2.1", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2", "::1"]),
    ("10.0.0.2/31", ["10.0.0.2", "10.0.0.3"], ["10.0.0.1", "10.0.0.4"]),
    ("172.16.0.0/12", ["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
    ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1", "2001:db8::1"]),
    ("::/0", ["::", "ffff::"], ["10.0.0.1", "::ffff:10.0.0.1"]),
    ("::/1", ["::1", "7fff::"], ["8000::", "10.0.0.1"]),
    (
      "2001:db8::/32", ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
      ["2001:db7:ffff::", "2001:db9::"]
    ),
    ("::1", ["::1"], ["::", "::2", "127.0.0.1", "0.0.0.1"]),
    ("fc00::/7", ["fc00::", "fdff::1"], ["fbff::1", "fe00::"]),
  ])
  func aRangeHoldsItsAddresses(_ text: String, _ inside: [String], _ outside: [String]) throws {
    let range = try AddressRange(parsing: text)
    for address in inside { #expect(range.contains(try #require(IPAddress(address))), "\(address)") }
    for address in outside { #expect(!range.contains(try #require(IPAddress(address))), "\(address)") }
  }

  /// The bounds of every prefix length.
  ///
  /// The first and last address are inside, their neighbours outside.
  @Test(arguments: 1...32)
  func everyPrefixLengthHasItsBounds(_ length: Int) throws {
    let size = UInt64(1) << (32 - length)
    let first = UInt64(0xC633_6400) & ~(size - 1)
    let range = try AddressRange(parsing: "\(IPAddress(ipv4: UInt32(first)))/\(length)")
    for (number, isInside) in [
      (first - 1, false), (first, true), (first + size - 1, true), (first + size, false),
    ] {
      guard let number = UInt32(exactly: number) else { continue }
      #expect(range.contains(IPAddress(ipv4: number)) == isInside)
    }
  }
}
