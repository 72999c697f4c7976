internal import HTTPWire

/// A reference parser of complete chunked bodies (RFC 9112 section 7.1).
enum ReferenceChunks: Equatable {
  case complete(body: [UInt8], length: Int)
  /// The end is missing; the bytes present may be invalid already.
  case incomplete
  case refused

  init(_ stream: ArraySlice<UInt8>, limits: MessageLimits, bodyLimit: Int) {
    var (rest, body, overhead) = (stream, [UInt8](), 0)
    while let line = Self.takeLine(from: &rest) {
      let digits = line.prefix { ReferenceRequest.hexValue($0) != nil }
      let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
      let tail = line.dropFirst(digits.count)
      overhead += tail.count + max(0, zeros - 1)
      guard !digits.isEmpty, digits.count - zeros <= 15, line.count <= limits.maxChunkLineBytes,
        overhead <= limits.maxChunkOverheadBytes, ReferenceExtensions.accept(tail),
        let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
      else {
        self = .refused
        return
      }
      if size == 0 {
        self =
          Self.trailers(&rest, limits: limits, overhead: overhead)
          ? .complete(body: body, length: rest.startIndex - stream.startIndex) : .incomplete
        return
      }
      guard body.count + size <= bodyLimit else {
        self = .refused
        return
      }
      guard rest.count >= size + 2 else { break }
      body += rest.prefix(size)
      rest = rest.dropFirst(size)
      guard rest.starts(with: "\r\n".utf8) else {
        self = .refused
        return
      }
      rest = rest.dropFirst(2)
    }
    self = .incomplete
  }

  /// Consumes the trailers; false if they do not end, or are rejected.
  private static func trailers(_ rest: inout ArraySlice<UInt8>, limits: MessageLimits, overhead: Int) -> Bool
  {
    var (count, overhead) = (0, overhead)
    while let line = takeLine(from: &rest) {
      if line.isEmpty { return true }
      (count, overhead) = (count + 1, overhead + line.count)
      guard ReferenceRequest.field(line) != nil, line.count <= limits.maxChunkLineBytes,
        count <= limits.maxFields, overhead <= limits.maxChunkOverheadBytes
      else { return false }
    }
    return false
  }

  /// The next line.
  ///
  /// Nil if none ends here, or if a CR or LF stands alone before its end.
  private static func takeLine(from rest: inout ArraySlice<UInt8>) -> [UInt8]? {
    let line = rest.prefix { $0 != 13 && $0 != 10 }
    guard rest.dropFirst(line.count).starts(with: "\r\n".utf8) else { return nil }
    rest = rest.dropFirst(line.count + 2)
    return Array(line)
  }
}
