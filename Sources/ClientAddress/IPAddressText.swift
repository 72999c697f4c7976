internal import Bytes

/// Parsing of addresses.
///
/// It is strict: spellings that some parser reads as another address are rejected, such as octal numbers,
/// missing parts or zones.
extension IPAddress {
  /// The length of "0000:0000:0000:0000:0000:ffff:255.255.255.255".
  static let maxTextBytes = 45

  /// Nil unless `text` is exactly one address, without brackets, port or zone.
  package init?(_ text: Span<UInt8>) {
    guard text.count <= Self.maxTextBytes else { return nil }
    if let number = Self.ipv4(text) {
      self.init(ipv4: number)
    } else if let number = Self.ipv6(text) {
      self.init(ipv6: number)
    } else {
      return nil
    }
  }

  /// Nil unless `text` is exactly one address, without brackets, port or zone.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    self.init(bytes.span)
  }

  /// `dec-octet "." dec-octet "." dec-octet "." dec-octet` (RFC 3986 section 3.2.2): no leading zeros.
  static func ipv4(_ text: Span<UInt8>) -> UInt32? {
    var (number, octet): (UInt32, UInt32) = (0, 0)
    var (digits, dots) = (0, 0)
    for index in text.indices {
      if text[index] == UInt8(ascii: ".") {
        guard digits > 0, dots < 3 else { return nil }
        number = number << 8 | octet
        (octet, digits, dots) = (0, 0, dots + 1)
        continue
      }
      guard let digit = text[index].decimalDigit, digits == 0 || octet > 0 else { return nil }
      octet = octet * 10 + UInt32(digit)
      guard octet <= 255 else { return nil }
      digits += 1
    }
    guard digits > 0, dots == 3 else { return nil }
    return number << 8 | octet
  }

  /// Parses eight groups, or fewer around one `::` (RFC 4291 section 2.2).
  ///
  /// The last two groups may be written as an IPv4 address.
  static func ipv6(_ text: Span<UInt8>) -> UInt128? {
    var groups = Groups()
    var position = 0
    if text.starts(with: "::") {
      groups.gap = 0
      position = 2
    }
    while position < text.count {
      var end = position
      while end < text.count, text[end] != UInt8(ascii: ":") { end += 1 }
      let part = text.extracting(position..<end)
      guard end < text.count else {
        guard groups.appendLast(part) else { return nil }
        break
      }
      guard groups.append(part) else { return nil }
      position = end + 1
      // A single colon separates: something must follow it.
      guard position < text.count else { return nil }
      if text[position] == UInt8(ascii: ":") {
        guard groups.gap == nil else { return nil }
        groups.gap = groups.count
        position += 1
      }
    }
    return groups.number
  }
}

/// The groups of an IPv6 address while it is parsed.
private struct Groups {
  private var written: UInt128 = 0
  private(set) var count = 0
  /// The number of groups before `::`.
  var gap: Int?

  mutating func append(_ text: Span<UInt8>) -> Bool {
    guard (1...4).contains(text.count), count < 8 else { return false }
    var group: UInt128 = 0
    for index in text.indices {
      guard let digit = text[index].hexadecimalDigit else { return false }
      group = group << 4 | UInt128(digit)
    }
    written = written << 16 | group
    count += 1
    return true
  }

  mutating func appendLast(_ text: Span<UInt8>) -> Bool {
    guard let ipv4 = IPAddress.ipv4(text) else { return append(text) }
    guard count <= 6 else { return false }
    written = written << 32 | UInt128(ipv4)
    count += 2
    return true
  }

  /// The address; nil unless the groups are 128 bits.
  ///
  /// RFC 4291 section 2.2: `::` stands for one or more groups.
  var number: UInt128? {
    guard let gap else { return count == 8 ? written : nil }
    guard count < 8 else { return nil }
    let rightBits = 16 * (count - gap)
    let left = (written >> rightBits) << (16 * (8 - gap))
    return left | written & ((1 << rightBits) - 1)
  }
}
