/// The use of an address that is not public (IANA special-purpose registries, RFC 6890).
package enum SpecialUse: String, CaseIterable, Sendable {
  case unspecified = "an unspecified address"
  case loopback = "a loopback address"
  /// RFC 1918, unique local (RFC 4193), and what else is routed within a site only.
  case privateUse = "a private address"
  /// 100.64.0.0/10, behind carriers' NAT and in overlay networks (RFC 6598).
  case shared = "an address of the shared range"
  /// The metadata services of most clouds are here, at 169.254.169.254.
  case linkLocal = "a link-local address"
  /// Metadata services at addresses that look public.
  case metadata = "the address of a metadata service"
  case documentation = "an address for documentation"
  case benchmarking = "an address for benchmarks"
  case multicast = "a multicast address"
  case reserved = "a reserved address"

  private static let ipv4Ranges: [(UInt32, Int, SpecialUse)] = [
    (0x0000_0000, 8, .unspecified), (0x0A00_0000, 8, .privateUse), (0xAC10_0000, 12, .privateUse),
    (0xC0A8_0000, 16, .privateUse), (0x6440_0000, 10, .shared), (0x7F00_0000, 8, .loopback),
    (0xA9FE_0000, 16, .linkLocal), (0xC000_0200, 24, .documentation), (0xC633_6400, 24, .documentation),
    (0xCB00_7100, 24, .documentation), (0xC612_0000, 15, .benchmarking), (0xE000_0000, 4, .multicast),
    // Azure: 168.63.129.16. Oracle's 192.0.0.192 is in the range after it, of protocol assignments.
    (0xA83F_8110, 32, .metadata), (0xC000_0000, 24, .reserved), (0xC058_6300, 24, .reserved),
    (0xF000_0000, 4, .reserved),
  ]

  private static let ipv6Ranges: [(UInt128, Int, SpecialUse)] = [
    (0, 128, .unspecified), (1, 128, .loopback),
    // RFC 8215: translation within a site. RFC 3879: site-local, before there was unique local.
    (0x0064_FF9B_0001 << 80, 48, .privateUse), (0xFEC0 << 112, 10, .privateUse),
    (0xFC00 << 112, 7, .privateUse), (0xFE80 << 112, 10, .linkLocal), (0xFF00 << 112, 8, .multicast),
    (0x2001_0DB8 << 96, 32, .documentation), (0x3FFF << 112, 20, .documentation),
    // Of protocol assignments, Teredo among them: it hides an IPv4 address.
    (0x2001 << 112, 23, .reserved),
  ]

  /// The first range that contains an address decides.
  private static let ranges: [(range: AddressRange, use: SpecialUse)] = {
    let ipv4 = ipv4Ranges.map { (range: AddressRange(ipv4: $0.0, prefixLength: $0.1), use: $0.2) }
    return ipv4 + ipv6Ranges.map { (range: AddressRange(ipv6: $0.0, prefixLength: $0.1), use: $0.2) }
  }()

  /// RFC 4291 section 2.4: what is assigned for unicast.
  private static let globalUnicast = AddressRange(ipv6: 0x2000 << 112, prefixLength: 3)

  /// Nil for a public address.
  init?(of address: IPAddress) {
    if let (_, use) = Self.ranges.first(where: { $0.range.contains(address) }) {
      self = use
    } else if let embedded = address.embedded {
      if let use = SpecialUse(of: embedded.address) {
        self = use
      } else if embedded.isRouted {
        return nil
      } else {
        self = .reserved
      }
    } else if address.isIPv4 || Self.globalUnicast.contains(address) {
      return nil
    } else {
      self = .reserved
    }
  }
}

extension IPAddress {
  /// The use of an address that is not public; nil for a public one.
  ///
  /// A translated or tunneled address has the use of the IPv4 address that it leads to.
  package var specialUse: SpecialUse? { SpecialUse(of: self) }

  /// The IPv4 address that an IPv6 address leads to, and whether the internet routes such ones.
  var embedded: (address: IPAddress, isRouted: Bool)? {
    guard !isIPv4, bits > 1 else { return nil }
    let last = IPAddress(ipv4: UInt32(truncatingIfNeeded: bits))
    switch bits >> 32 {
    // RFC 6052: a network without IPv4 reaches it through NAT64.
    case 0x0064_FF9B << 64: return (last, true)
    // RFC 4291 section 2.5.5.1: IPv4-compatible. RFC 2765: IPv4-translated.
    case 0, 0xFFFF_0000: return (last, false)
    default: break
    }
    // RFC 3056: 6to4.
    guard bits >> 112 == 0x2002 else { return nil }
    return (IPAddress(ipv4: UInt32(truncatingIfNeeded: bits >> 80)), true)
  }
}
