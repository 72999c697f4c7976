internal import Bytes

/// PROXY protocol version 1 (section 2.1): one line of text.
enum ProxyLine {
  private static let signature = Array("PROXY ".utf8)
  /// The maximum length of the line, CR LF included.
  private static let maxBytes = 107

  static func parse(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
    guard try ProxyHeader.matches(bytes, signature), let end = try lineEnd(in: bytes) else { return nil }
    let fields = bytes.extracting(signature.count..<end)
    return ProxyHeader(source: try source(fields), byteCount: end + 2)
  }

  /// The offset of CR LF. Nothing is decoded before it, because a truncated address can be another address.
  private static func lineEnd(in bytes: Span<UInt8>) throws(ProxyHeaderError) -> Int? {
    for index in signature.count..<bytes.count {
      if bytes[index] == .lineFeed { throw .bareLineFeed }
      guard bytes[index] == .carriageReturn else {
        guard index < maxBytes - 2 else { throw .lineTooLong }
        continue
      }
      guard index + 1 < bytes.count else { return nil }
      guard bytes[index + 1] == .lineFeed else { throw .bareCarriageReturn }
      return index
    }
    return nil
  }

  private static func source(_ line: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader.Source {
    let family = line.extracting(first: line.firstIndex(of: .space) ?? line.count)
    // Everything after UNKNOWN must be ignored.
    if family.equals("UNKNOWN") { return .local }
    let isIPv4 = family.equals("TCP4")
    guard isIPv4 || family.equals("TCP6") else { throw .unknownProtocol }

    var fields: [Range<Int>] = []
    var start = family.count + 1
    for index in family.count + 1..<line.count + 1 where index == line.count || line[index] == .space {
      fields.append(start..<index)
      start = index + 1
    }
    guard fields.count == 4, fields.allSatisfy({ !$0.isEmpty }) else { throw .malformedLine }
    let source = try address(line.extracting(fields[0]), isIPv4: isIPv4)
    _ = try address(line.extracting(fields[1]), isIPv4: isIPv4)
    guard let port = line.extracting(fields[2]).decimalPort, line.extracting(fields[3]).decimalPort != nil
    else { throw .malformedPort }
    return .ip(source, port: port)
  }

  /// Parses an address of the announced family.
  ///
  /// An IPv6 address may end in IPv4 notation, as inet_ntop(3) writes it.
  private static func address(_ text: Span<UInt8>, isIPv4: Bool) throws(ProxyHeaderError) -> IPAddress {
    let address =
      isIPv4
      ? IPAddress.ipv4(text).map(IPAddress.init(ipv4:)) : IPAddress.ipv6(text).map(IPAddress.init(ipv6:))
    guard let address else { throw .malformedAddress }
    return address
  }
}
