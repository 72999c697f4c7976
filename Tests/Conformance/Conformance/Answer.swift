/// A response as it was received.
package struct Answer: Sendable {
  package var status: Int
  /// Names in lower case.
  package var fields: [(name: String, value: String)]
  package var bodyByteCount = 0
  /// The body is delimited by the close of the connection.
  var isDelimitedByClose = false
  package var faults: Set<Fault> = []

  var isInterim: Bool { status >= 100 && status < 200 }
  var closes: Bool { has("connection", "close") }

  func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

  func has(_ name: String, _ member: String) -> Bool {
    values(name).contains { value in
      value.lowercased().split(separator: ",").contains { $0.filter { $0 != " " } == member }
    }
  }

  var contentLength: Int? { values("content-length").first.flatMap { Int($0) } }
  var isChunked: Bool { has("transfer-encoding", "chunked") }

  /// Parses a header section without its last, empty line.
  ///
  /// Nil unless it starts like HTTP/1.
  init?(head: ArraySlice<UInt8>) {
    // Bytes, because finding the characters of a String would slow down thousands of responses.
    let lines = head.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
    guard let first = lines.first, first.starts(with: "HTTP/1.".utf8) else { return nil }
    let parts = first.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, let status = Int(String(decoding: parts[1], as: UTF8.self)) else { return nil }
    self.status = status
    fields = []
    // RFC 9112 section 4: the space after the code is required even without a reason phrase.
    if parts.count != 3 || parts[0].count != 8 || parts[1].count != 3 { faults.insert(.malformedStatusLine) }
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
        !line[..<colon].contains(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
      else {
        faults.insert(.malformedField)
        continue
      }
      let name = String(decoding: line[..<colon], as: UTF8.self)
      let value = String(decoding: line[(colon + 1)...].trimmingSpaces, as: UTF8.self)
      fields.append((name.lowercased(), value))
    }
    checkForm()
  }

  private mutating func checkForm() {
    let lengths = values("content-length")
    let hasCoding = fields.contains { $0.name == "transfer-encoding" }
    if lengths.count > 1 || lengths.contains(where: { Int($0) == nil }) { faults.insert(.repeatedLength) }
    if !lengths.isEmpty, hasCoding { faults.insert(.lengthAndCoding) }
    if !lengths.isEmpty || hasCoding, isInterim || status == 204 { faults.insert(.lengthWhereForbidden) }
    if status == 405, values("allow").isEmpty { faults.insert(.missingAllow) }
    if status == 401, values("www-authenticate").isEmpty { faults.insert(.missingChallenge) }
    if !values("x-injected").isEmpty { faults.insert(.injectedField) }
    let dates = values("date")
    if dates.isEmpty, !isInterim, status < 500 { faults.insert(.missingDate) }
    if !dates.allSatisfy({ $0.isIMFFixdate }) || dates.count > 1 { faults.insert(.malformedDate) }
  }
}

extension ArraySlice<UInt8> {
  fileprivate var trimmingSpaces: Self {
    var bytes = self
    while let first = bytes.first, first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") {
      bytes.removeFirst()
    }
    while let last = bytes.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") {
      bytes.removeLast()
    }
    return bytes
  }
}

extension String {
  /// RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
  fileprivate var isIMFFixdate: Bool {
    let pattern = "Aaa, 00 Aaa 0000 00:00:00 GMT"
    guard utf8.count == pattern.utf8.count else { return false }
    return zip(utf8, pattern.utf8).allSatisfy { byte, shape in
      switch shape {
      case UInt8(ascii: "0"): byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
      case UInt8(ascii: "a"): byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
      case UInt8(ascii: "A"): byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
      default: byte == shape
      }
    }
  }
}
