/// An IPv4 or IPv6 address.
///
/// It is stored as 128 bits, an IPv4 address in its IPv4-mapped form (RFC 4291 section 2.5.5.2). A client
/// thus has one identity on any socket: `::ffff:192.0.2.1` equals `192.0.2.1` and is written like it.
package struct IPAddress: Hashable, Sendable {
  private let upperBits: UInt64
  private let lowerBits: UInt64

  /// Computed, because the alignment of a stored `UInt128` becomes that of each enum with an address. Swift
  /// 6.3 copies such an enum, unoptimized, from places of a smaller alignment, and crashes.
  var bits: UInt128 { UInt128(upperBits) << 64 | UInt128(lowerBits) }

  /// The 96 bits before an IPv4 address in its IPv4-mapped form.
  private static let mappedPrefix: UInt128 = 0xFFFF

  init(bits: UInt128) {
    upperBits = UInt64(bits >> 64)
    lowerBits = UInt64(truncatingIfNeeded: bits)
  }

  /// - Parameter number: in host order: 192.0.2.1 is 0xC000_0201.
  package init(ipv4 number: UInt32) {
    self.init(bits: Self.mappedPrefix << 32 | UInt128(number))
  }

  /// - Parameter number: in host order: ::1 is 1. An IPv4-mapped address becomes the IPv4 address.
  package init(ipv6 number: UInt128) {
    self.init(bits: number)
  }

  /// Converts an address in network byte order; nil unless it has 4 or 16 bytes.
  package init?(networkOrder bytes: Span<UInt8>) {
    switch bytes.count {
    case 4: self.init(ipv4: UInt32(truncatingIfNeeded: bytes.bigEndianNumber))
    case 16: self.init(ipv6: bytes.bigEndianNumber)
    default: return nil
    }
  }

  package var isIPv4: Bool { bits >> 32 == Self.mappedPrefix }

  /// The address in network byte order: 4 bytes for IPv4, 16 for IPv6.
  package var bytes: [UInt8] {
    stride(from: isIPv4 ? 24 : 120, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> $0) }
  }
}

extension IPAddress: CustomStringConvertible {
  /// The canonical text: dotted decimal for IPv4, RFC 5952 for IPv6.
  ///
  /// Groups are always hexadecimal. RFC 5952 section 5 recommends decimals after well-known prefixes. The
  /// only such prefix that clients come from is the IPv4-mapped one, which is IPv4 here.
  package var description: String {
    guard !isIPv4 else { return bytes.map { String($0) }.joined(separator: ".") }
    let groups = stride(from: 112, through: 0, by: -16).map { UInt16(truncatingIfNeeded: bits >> $0) }
    let gap = Self.longestRunOfZeros(in: groups)
    let text = groups.map { String($0, radix: 16) }
    guard gap.count > 1 else { return text.joined(separator: ":") }
    let (left, right) = (text[..<gap.lowerBound], text[gap.upperBound...])
    return left.joined(separator: ":") + "::" + right.joined(separator: ":")
  }

  /// RFC 5952 section 4.2.3: of runs of equal length, the first.
  private static func longestRunOfZeros(in groups: [UInt16]) -> Range<Int> {
    var longest = 0..<0
    var start = 0
    for (index, group) in groups.enumerated() {
      guard group == 0 else {
        start = index + 1
        continue
      }
      if index + 1 - start > longest.count { longest = start..<index + 1 }
    }
    return longest
  }
}
