internal import Bytes

/// The target of a request (RFC 9112 section 3.2): decoded path segments and query.
///
/// The path is split first and decoded once, so that an encoded slash never makes a segment. Ambiguous paths
/// (dot segments, encoded slashes and controls) are rejected.
package struct RequestTarget: Hashable, Sendable {
  /// The decoded segments of the path.
  ///
  /// `/jobs/abc` is `["jobs", "abc"]` and `/` is `[""]`. A trailing slash is an empty last segment. The
  /// asterisk form has none.
  package let segments: [String]
  private let queryText: String
  /// The authority of the absolute form, which overrides Host (RFC 9112 section 3.2.2).
  let authority: String?

  init(parsing range: Range<Int>, of buffer: Span<UInt8>, method: Method) throws(RequestError) {
    guard !range.isEmpty else { throw .malformedTarget }
    for index in range {
      guard buffer[index] > 0x20, buffer[index] < 0x7F, buffer[index] != UInt8(ascii: "#") else {
        throw .malformedTarget
      }
    }
    var start = range.lowerBound
    if buffer[start] == UInt8(ascii: "*"), range.count == 1, method == .options {
      (segments, queryText, authority) = ([], "", nil)
      return
    }
    if buffer[start] == UInt8(ascii: "/") {
      authority = nil
    } else {
      let scheme = ["http://", "https://"].first { scheme in
        range.count > scheme.utf8.count
          && buffer.matches(scheme.utf8Span.span, in: start..<start + scheme.utf8.count)
      }
      guard let scheme else { throw .malformedTarget }
      let authorityStart = start + scheme.utf8.count
      start = authorityStart
      while start < range.upperBound, buffer[start] != UInt8(ascii: "/"), buffer[start] != UInt8(ascii: "?") {
        start += 1
      }
      guard start > authorityStart else { throw .malformedTarget }
      authority = buffer.string(authorityStart..<start)
    }
    var pathEnd = start
    while pathEnd < range.upperBound, buffer[pathEnd] != UInt8(ascii: "?") { pathEnd += 1 }
    segments = try Self.segments(of: start..<pathEnd, in: buffer)
    queryText = pathEnd < range.upperBound ? buffer.string(pathEnd + 1..<range.upperBound) : ""
  }

  private static func segments(of path: Range<Int>, in buffer: Span<UInt8>) throws(RequestError) -> [String] {
    // The absolute form may omit the path.
    guard !path.isEmpty else { return [""] }
    var segments: [String] = []
    segments.reserveCapacity(4)
    var start = path.lowerBound + 1
    // The path starts with a slash; each further one ends a segment, and so does the end.
    for index in start...path.upperBound where index == path.upperBound || buffer[index] == UInt8(ascii: "/")
    {
      let raw = buffer.extracting(start..<index)
      guard let decoded = PercentEncoding.decode(raw, plusIsSpace: false),
        // The target consists of visible characters; others, and slashes, can only come from an encoding.
        !raw.contains(UInt8(ascii: "%"))
          || !decoded.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "/") }),
        decoded.utf8.count > 2 || decoded != "." && decoded != ".."
      else { throw .malformedTarget }
      segments.append(decoded)
      start = index + 1
    }
    return segments
  }
}

extension RequestTarget {
  package var hasQuery: Bool { !queryText.isEmpty }

  /// The decoded query parameters in order; nil if one is not validly encoded.
  package var queryParameters: [(name: String, value: String)]? {
    guard !queryText.isEmpty else { return [] }
    var parameters: [(name: String, value: String)] = []
    for part in queryText.utf8.split(separator: UInt8(ascii: "&")) {
      let pair = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let (rawName, rawValue) = (Array(pair[0]), pair.count > 1 ? Array(pair[1]) : [])
      guard let name = PercentEncoding.decode(rawName.span, plusIsSpace: true),
        let value = PercentEncoding.decode(rawValue.span, plusIsSpace: true)
      else { return nil }
      parameters.append((name, value))
    }
    return parameters
  }
}
