/// A range of addresses with a common prefix (CIDR, RFC 4632 section 3.1).
///
/// Examples are `10.0.0.0/8` and `2001:db8::/32`. A range is of one family: `::/1` contains no IPv4 address,
/// although those are stored as IPv4-mapped ones.
package struct AddressRange: Hashable, Sendable {
  private let base: IPAddress
  /// The prefix length in bits out of 128, for IPv4 too.
  private let prefixBits: Int

  private static let ipv4Offset = 96

  /// - Parameter base: has no bits beyond the prefix.
  private init(base: IPAddress, prefixBits: Int) {
    self.base = base
    self.prefixBits = prefixBits
  }

  /// The range of `prefixLength` bits, 0 to 32, that contains `number`.
  init(ipv4 number: UInt32, prefixLength: Int) {
    self.init(holding: IPAddress(ipv4: number), prefixBits: prefixLength + Self.ipv4Offset)
  }

  /// The range of `prefixLength` bits, 0 to 128, that contains `number`.
  init(ipv6 number: UInt128, prefixLength: Int) {
    self.init(holding: IPAddress(ipv6: number), prefixBits: prefixLength)
  }

  private init(holding address: IPAddress, prefixBits: Int) {
    self.init(base: IPAddress(bits: address.bits & Self.mask(prefixBits)), prefixBits: prefixBits)
  }

  /// Whether the range contains every address of its family.
  package var isEverything: Bool { prefixBits == (base.isIPv4 ? Self.ipv4Offset : 0) }

  package func contains(_ address: IPAddress) -> Bool {
    address.isIPv4 == base.isIPv4 && address.bits & Self.mask(prefixBits) == base.bits
  }

  private static func mask(_ prefixBits: Int) -> UInt128 {
    // A shift by all 128 bits gives zero.
    .max << (128 - prefixBits)
  }
}

extension AddressRange {
  /// The reason a range cannot be parsed.
  package enum ParseError: Error, Hashable, Sendable {
    case notAnAddress
    case notAPrefixLength
    /// The bounds depend on the notation of the address.
    case prefixLengthOutOfBounds(ClosedRange<Int>)
    /// The address is not the first of its range.
    ///
    /// So either the address or the prefix length is wrong.
    case hostBitsSet(corrected: AddressRange)

    /// One sentence, with the fix.
    package var explanation: String {
      switch self {
      case .notAnAddress: "no IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1"
      case .notAPrefixLength: "after the slash stands no plain decimal number of bits, such as 10.0.0.0/8"
      case .prefixLengthOutOfBounds(let bounds):
        "the number of bits after the slash must be \(bounds.lowerBound) to \(bounds.upperBound)"
      case .hostBitsSet(let corrected):
        "the address has bits set beyond its prefix; write \(corrected) if you mean the whole range"
      }
    }
  }

  /// Parses `address/bits`, or a single address.
  package init(parsing text: String) throws(ParseError) {
    let bytes = Array(text.utf8)
    let slash = bytes.firstIndex(of: UInt8(ascii: "/"))
    let written = bytes.span.extracting(first: slash ?? bytes.count)
    guard let address = IPAddress(written) else { throw .notAnAddress }
    guard let slash else {
      self.init(base: address, prefixBits: 128)
      return
    }
    guard let length = bytes.span.extracting(droppingFirst: slash + 1).decimalPort.map(Int.init) else {
      throw .notAPrefixLength
    }
    let isDotted = IPAddress.ipv4(written) != nil
    // A shorter prefix of an IPv4-mapped address would be an IPv6 range without any IPv4 address.
    let bounds = isDotted ? 0...32 : (address.isIPv4 ? Self.ipv4Offset : 0)...128
    guard bounds.contains(length) else { throw .prefixLengthOutOfBounds(bounds) }
    let range = Self(holding: address, prefixBits: isDotted ? length + Self.ipv4Offset : length)
    guard range.base == address else { throw .hostBitsSet(corrected: range) }
    self = range
  }
}

extension AddressRange: CustomStringConvertible {
  /// The canonical form; a range of one address is written as the address.
  package var description: String {
    guard prefixBits < 128 else { return base.description }
    return "\(base)/\(base.isIPv4 ? prefixBits - Self.ipv4Offset : prefixBits)"
  }
}
