/// An incremental parser of one HTTP/1.1 response.
///
/// It parses only what a load generator needs: status, length, and whether the connection closes.
struct ResponseReader {
  enum Problem: Error, Equatable {
    /// No HTTP/1.1 status line, or an invalid length.
    case malformed
    /// A header section of more than 16 KiB.
    case tooLong
    /// No Content-Length: a response that this parser does not support.
    case withoutLength
    /// Bytes after the response that belong to no request.
    case surplus
  }

  private(set) var status = 0
  private(set) var endsConnection = false
  private(set) var isComplete = false
  /// The body, if `keepsBody`.
  private(set) var body: [UInt8] = []

  private let keepsBody: Bool
  private var head: [UInt8] = []
  /// Nil until the header section is complete.
  private var missing: Int?

  private static let maxHeadBytes = 16 * 1024

  init(keepsBody: Bool = false) {
    self.keepsBody = keepsBody
  }

  /// Prepares for the next response, keeping allocated memory.
  mutating func reset() {
    (status, endsConnection, isComplete, missing) = (0, false, false, nil)
    head.removeAll(keepingCapacity: true)
    body.removeAll(keepingCapacity: true)
  }

  mutating func consume(_ bytes: UnsafeRawBufferPointer) throws(Problem) {
    guard !bytes.isEmpty else { return }
    guard !isComplete else { throw .surplus }
    guard missing == nil else {
      if keepsBody { body.append(contentsOf: bytes) }
      return try take(bytes.count)
    }
    let searched = max(0, head.count - 3)
    head.append(contentsOf: bytes)
    guard let end = Self.endOfHead(head, from: searched) else {
      guard head.count <= Self.maxHeadBytes else { throw .tooLong }
      return
    }
    missing = try parse(end)
    if keepsBody { body.append(contentsOf: head[end...]) }
    try take(head.count - end)
  }

  private mutating func take(_ count: Int) throws(Problem) {
    let left = (missing ?? 0) - count
    guard left >= 0 else { throw .surplus }
    missing = left
    isComplete = left == 0
  }

  /// The index after the empty line; nil if there is none yet.
  private static func endOfHead(_ bytes: [UInt8], from start: Int) -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      var index = start
      while index + 3 < bytes.count {
        if bytes[index + 3] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 1] == 0x0A, bytes[index] == 0x0D
        {
          return index + 4
        }
        index += 1
      }
      return nil
    }
  }

  /// Parses the header section.
  ///
  /// - Returns: the length of the body.
  private mutating func parse(_ end: Int) throws(Problem) -> Int {
    // "HTTP/1.1 200"
    guard end >= 16, head.starts(with: Self.version) else { throw .malformed }
    let digits = head[9..<12].map { Int($0) - 0x30 }
    guard digits.allSatisfy((0...9).contains) else { throw .malformed }
    status = digits[0] * 100 + digits[1] * 10 + digits[2]
    var length: Int?
    var start = 0
    while start < end {
      let stop = head[start..<end].firstIndex(of: 0x0D) ?? end
      if let range = value(of: Self.contentLength, in: start..<stop) {
        length = try number(range)
      } else if let range = value(of: Self.connection, in: start..<stop) {
        endsConnection = head[range].elementsEqual(Self.close) { $0 | 0x20 == $1 }
      }
      start = stop + 2
    }
    // RFC 9110 section 6.4.1: these have no content, with any header fields.
    if status == 204 || status == 304 { return 0 }
    guard let length else { throw .withoutLength }
    return length
  }

  private static let version = Array("HTTP/1.1 ".utf8)
  private static let contentLength = Array("content-length:".utf8)
  private static let connection = Array("connection:".utf8)
  private static let close = Array("close".utf8)

  /// The range of the field's trimmed value. Nil if it is another field.
  private func value(of name: [UInt8], in line: Range<Int>) -> Range<Int>? {
    guard line.count >= name.count else { return nil }
    for offset in name.indices where head[line.lowerBound + offset] | 0x20 != name[offset] | 0x20 {
      return nil
    }
    var range = line.lowerBound + name.count..<line.upperBound
    while !range.isEmpty, head[range.lowerBound] == 0x20 || head[range.lowerBound] == 0x09 {
      range = range.lowerBound + 1..<range.upperBound
    }
    while !range.isEmpty, head[range.upperBound - 1] == 0x20 || head[range.upperBound - 1] == 0x09 {
      range = range.lowerBound..<range.upperBound - 1
    }
    return range
  }

  private func number(_ range: Range<Int>) throws(Problem) -> Int {
    guard !range.isEmpty, range.count < 16 else { throw .malformed }
    var number = 0
    for byte in head[range] {
      guard (0x30...0x39).contains(byte) else { throw .malformed }
      number = number * 10 + Int(byte) - 0x30
    }
    return number
  }
}
