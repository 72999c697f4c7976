internal import Bytes

/// The syntax of a forwarded header's entries.
///
/// Entries are split from the right, so that nothing a client wrote affects where the proxies' entries start,
/// not even an unterminated quote.
enum ForwardedSyntax {
  /// `X-Forwarded-For`: addresses separated by commas.
  case list
  /// `Forwarded` (RFC 7239 section 4): elements of parameters, whose values may be quoted.
  case elements

  /// The range of the last entry of `line`.
  ///
  /// It follows a comma or the start of the line. Empty entries count, although RFC 9110 section 5.6.1 would
  /// skip them. A proxy that does not know its client may write nothing, and everything left of that is the
  /// client's.
  func lastEntry(of line: Span<UInt8>) -> Range<Int> {
    var start = line.count
    var isQuoted = false
    while start > 0 {
      let byte = line[start - 1]
      if self == .elements, byte == .quote, !Self.isEscaped(start - 1, in: line) {
        isQuoted.toggle()
      } else if byte == UInt8(ascii: ","), !isQuoted {
        break
      }
      start -= 1
    }
    return start..<line.count
  }

  /// RFC 9110 section 5.6.4: in a quoted string, a backslash escapes the next byte.
  private static func isEscaped(_ index: Int, in line: Span<UInt8>) -> Bool {
    var start = index
    while start > 0, line[start - 1] == .backslash { start -= 1 }
    return !(index - start).isMultiple(of: 2)
  }

  /// The address of an entry; nil if it is hidden or malformed.
  func address(in entry: Span<UInt8>) -> IPAddress? {
    var (start, end) = (0, entry.count)
    while start < end, entry[start].isOptionalWhitespace { start += 1 }
    while end > start, entry[end - 1].isOptionalWhitespace { end -= 1 }
    let trimmed = entry.extracting(start..<end)
    switch self {
    case .list:
      // RFC 7239's form alone is not enough: most proxies write IPv6 without brackets.
      return IPAddress(trimmed) ?? Self.address(ofNode: trimmed, allowsHiddenPort: false)
    case .elements:
      guard let node = ForwardedElement.node(of: trimmed) else { return nil }
      return Self.address(ofNode: node.span, allowsHiddenPort: true)
    }
  }

  /// Parses `node` (RFC 7239 section 6) without `unknown` and `obfnode`, which hide the address.
  private static func address(ofNode node: Span<UInt8>, allowsHiddenPort: Bool) -> IPAddress? {
    let address: IPAddress?
    let rest: Span<UInt8>
    if node.starts(with: "[") {
      guard let close = node.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      address = IPAddress.ipv6(node.extracting(1..<close)).map(IPAddress.init(ipv6:))
      rest = node.extracting(droppingFirst: close + 1)
    } else {
      let colon = node.firstIndex(of: UInt8(ascii: ":")) ?? node.count
      address = IPAddress.ipv4(node.extracting(first: colon)).map(IPAddress.init(ipv4:))
      rest = node.extracting(droppingFirst: colon)
    }
    guard rest.isEmpty || isPort(rest, orHidden: allowsHiddenPort) else { return nil }
    return address
  }

  /// `":" node-port`: up to five digits, or `obfport`.
  private static func isPort(_ text: Span<UInt8>, orHidden allowsHidden: Bool) -> Bool {
    guard text.starts(with: ":") else { return false }
    let port = text.extracting(droppingFirst: 1)
    if port.starts(with: "_") {
      return allowsHidden && port.count > 1
        && port.indices.allSatisfy { port[$0].isAlphanumeric || "._-".utf8.contains(port[$0]) }
    }
    return port.decimalPort != nil
  }
}
