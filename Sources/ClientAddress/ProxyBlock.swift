internal import Bytes

/// PROXY protocol version 2 (section 2.2): 16 bytes, addresses, and TLVs.
///
/// A TLV is a vector of type, length and value.
enum ProxyBlock {
  static let signature: [UInt8] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
  ]
  private static let fixedCount = 16

  private enum Family {
    /// The rest of the header is ignored.
    case unspecified
    case ipv4
    case ipv6
    case unix

    /// The length of source and destination with ports.
    var addressBytes: Int {
      switch self {
      case .unspecified: 0
      case .ipv4: 2 * (4 + 2)
      case .ipv6: 2 * (16 + 2)
      case .unix: 2 * 108
      }
    }
  }

  /// Parses the header; bytes are checked in order of arrival.
  static func parse(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
    guard try ProxyHeader.matches(bytes, signature), bytes.count > 12 else { return nil }
    let isLocal = try isLocal(bytes[12])
    guard bytes.count > 13 else { return nil }
    // The family of LOCAL is ignored.
    let family = isLocal ? .unspecified : try family(bytes[13])
    guard bytes.count >= fixedCount else { return nil }
    let byteCount = fixedCount + (Int(bytes[14]) << 8 | Int(bytes[15]))
    guard byteCount <= ProxyHeader.maxBytes else { throw .headerTooLong }
    let tlvStart = fixedCount + family.addressBytes
    guard byteCount >= tlvStart else { throw .addressesTooShort }
    guard bytes.count >= byteCount else { return nil }
    let header = bytes.extracting(first: byteCount)
    // For an unspecified family the start of the TLVs is undefined.
    if family != .unspecified { try checkTLVs(from: tlvStart, of: header) }
    return ProxyHeader(source: source(family, of: header), byteCount: byteCount)
  }

  private static func isLocal(_ byte: UInt8) throws(ProxyHeaderError) -> Bool {
    guard byte >> 4 == 2 else { throw .unsupportedVersion }
    switch byte & 0xF {
    case 0: return true
    case 1: return false
    default: throw .unknownCommand
    }
  }

  private static func family(_ byte: UInt8) throws(ProxyHeaderError) -> Family {
    let family: Family
    switch byte >> 4 {
    case 0: family = .unspecified
    case 1: family = .ipv4
    case 2: family = .ipv6
    case 3: family = .unix
    default: throw .unknownFamily
    }
    switch byte & 0xF {
    case 0: return .unspecified
    case 1: return family
    case 2: throw .datagram
    default: throw .unknownTransport
    }
  }

  /// Skips the TLVs and verifies the checksum (section 2.2.3).
  ///
  /// The checksum covers the header with zeros in its place.
  private static func checkTLVs(from start: Int, of header: Span<UInt8>) throws(ProxyHeaderError) {
    var checksum: Range<Int>?
    var position = start
    while position < header.count {
      guard position + 3 <= header.count else { throw .malformedTLV }
      let value = position + 3
      let end = value + (Int(header[position + 1]) << 8 | Int(header[position + 2]))
      guard end <= header.count else { throw .malformedTLV }
      if header[position] == 0x03 {
        // With two checksums, each would have to cover the other.
        guard end - value == 4, checksum == nil else { throw .malformedTLV }
        checksum = value..<end
      }
      position = end
    }
    guard let checksum else { return }
    // The sender has counted zeros in place of the checksum.
    var computed = CRC32C()
    computed.update(header.extracting(..<checksum.lowerBound))
    computed.update([0, 0, 0, 0].span)
    computed.update(header.extracting(checksum.upperBound...))
    guard header.extracting(checksum).bigEndianNumber == UInt128(computed.value) else {
      throw .checksumMismatch
    }
  }

  private static func source(_ family: Family, of header: Span<UInt8>) -> ProxyHeader.Source {
    func number(_ offset: Int, _ count: Int) -> UInt128 {
      header.extracting(fixedCount + offset..<fixedCount + offset + count).bigEndianNumber
    }
    switch family {
    case .unspecified: return .local
    case .unix: return .unixSocket
    case .ipv4:
      return .ip(
        IPAddress(ipv4: UInt32(truncatingIfNeeded: number(0, 4))),
        port: UInt16(truncatingIfNeeded: number(8, 2)))
    case .ipv6:
      return .ip(IPAddress(ipv6: number(0, 16)), port: UInt16(truncatingIfNeeded: number(32, 2)))
    }
  }
}
