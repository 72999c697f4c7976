import ClientAddress
import Testing

@Suite struct AddressPolicyTests {
  static let special: [(String, SpecialUse)] = [
    ("0.0.0.0", .unspecified), ("0.255.255.255", .unspecified), ("::", .unspecified),
    ("127.0.0.1", .loopback), ("127.255.255.255", .loopback), ("::1", .loopback),
    ("10.0.0.0", .privateUse), ("10.255.255.255", .privateUse), ("172.16.0.0", .privateUse),
    ("172.31.255.255", .privateUse), ("192.168.0.0", .privateUse), ("192.168.255.255", .privateUse),
    ("fc00::", .privateUse), ("fdff:ffff::1", .privateUse), ("fd00:ec2::254", .privateUse),
    ("fec0::1", .privateUse), ("64:ff9b:1::1", .privateUse), ("100.64.0.0", .shared),
    ("100.100.100.200", .shared), ("100.127.255.255", .shared), ("169.254.169.254", .linkLocal),
    ("169.254.0.0", .linkLocal), ("fe80::1", .linkLocal), ("febf::1", .linkLocal),
    ("168.63.129.16", .metadata), ("192.0.2.1", .documentation), ("198.51.100.1", .documentation),
    ("203.0.113.1", .documentation), ("2001:db8::1", .documentation), ("3fff::1", .documentation),
    ("198.18.0.0", .benchmarking), ("198.19.255.255", .benchmarking), ("224.0.0.1", .multicast),
    ("239.255.255.255", .multicast), ("ff02::1", .multicast), ("192.0.0.192", .reserved),
    ("192.88.99.1", .reserved), ("240.0.0.1", .reserved), ("255.255.255.255", .reserved),
    // Teredo, ORCHID, unassigned, discard only, segment routing.
    ("2001::1", .reserved), ("2001:20::1", .reserved), ("1000::1", .reserved), ("4000::1", .reserved),
    ("100::1", .reserved), ("5f00::1", .reserved),
    // IPv4-mapped, IPv4-compatible, IPv4-translated, NAT64 and 6to4.
    ("::ffff:127.0.0.1", .loopback), ("::ffff:a9fe:a9fe", .linkLocal), ("::127.0.0.1", .loopback),
    ("::10.0.0.1", .privateUse), ("::8.8.8.8", .reserved), ("::ffff:0:10.0.0.1", .privateUse),
    ("::ffff:0:8.8.8.8", .reserved), ("64:ff9b::10.0.0.1", .privateUse), ("64:ff9b::7f00:1", .loopback),
    ("64:ff9b::169.254.169.254", .linkLocal), ("2002:7f00:1::", .loopback), ("2002:a9fe:a9fe::1", .linkLocal),
    ("2002:c0a8:101:1::1", .privateUse),
  ]

  static let open = [
    "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
    "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.15", "192.0.1.0",
    "2606:4700::1111", "2001:4860:4860::8888", "2001:200::1", "2a00::1", "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8", "2002:808:808::1",
  ]

  @Test(arguments: special)
  func `a special address is refused, with its use`(_ text: String, _ use: SpecialUse) throws {
    let address = try #require(IPAddress(text))
    #expect(address.specialUse == use)
    #expect(
      AddressPolicy.publicAddresses().refusal(of: address) == AddressRefusal(address: address, use: use))
    #expect(AddressPolicy.everyAddress.refusal(of: address) == nil)
    let isPrivate = [SpecialUse.loopback, .privateUse, .shared].contains(use)
    #expect((AddressPolicy.privateAddresses.refusal(of: address) == nil) == isPrivate)
  }

  @Test(arguments: open)
  func `a public address is allowed, but not where only private ones are`(_ text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(address.specialUse == nil)
    #expect(AddressPolicy.publicAddresses().refusal(of: address) == nil)
    #expect(AddressPolicy.everyAddress.refusal(of: address) == nil)
    #expect(AddressPolicy.privateAddresses.refusal(of: address)?.use == nil)
    #expect(AddressPolicy.privateAddresses.refusal(of: address) != nil)
    #expect(AddressPolicy.only([]).refusal(of: address) != nil)
  }

  @Test(
    arguments: [
      (
        "10.0.0.0/8", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::"],
        ["192.168.0.1", "127.0.0.1"]
      ),
      ("169.254.169.254", ["169.254.169.254"], ["169.254.169.253"]),
      ("fd00::/8", ["fd00::1"], ["fc00::1", "fe80::1"]),
      ("64:ff9b::/96", ["64:ff9b::10.0.0.1"], ["10.0.0.1"]),
    ])
  func `a listed range is open, and only that`(_ range: String, _ open: [String], _ closed: [String]) throws {
    let ranges = [try AddressRange(parsing: range)]
    for policy in [AddressPolicy.publicAddresses(and: ranges), .only(ranges)] {
      for address in open.compactMap({ IPAddress($0) }) { #expect(policy.refusal(of: address) == nil) }
      for address in closed.compactMap({ IPAddress($0) }) { #expect(policy.refusal(of: address) != nil) }
    }
  }

  @Test func `a refusal names the address and its use`() throws {
    let refused = ["::ffff:10.0.0.1", "8.8.8.8"].compactMap { IPAddress($0) }
    let texts = refused.compactMap { AddressPolicy.only([]).refusal(of: $0)?.description }
    #expect(
      texts == [
        "10.0.0.1 is a private address, and must not be called",
        "8.8.8.8 is a public address, and must not be called",
      ])
  }
}
