internal import CZlib
internal import HTTPWire

/// The content coding gzip (RFC 9110 section 8.4.1.3).
enum Gzip {
  static let name = "gzip"

  /// The compressed bytes. Nil if they would not be fewer, or without memory.
  static func compress(_ bytes: [UInt8]) -> [UInt8]? {
    let compressed = [UInt8](unsafeUninitializedCapacity: bytes.count) { output, count in
      count = czlib_gzip(bytes, bytes.count, output.baseAddress, output.count)
    }
    return compressed.isEmpty ? nil : compressed
  }

  /// Whether the sender of a request accepts it (RFC 9110 section 12.5.3).
  static func isAccepted(by head: RequestHead) -> Bool {
    for member in head.fields.listMembers("accept-encoding") {
      let parts = member.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
      guard parts.first == name else { continue }
      // Of weights, only zero matters here.
      return !parts.dropFirst().contains {
        $0.hasPrefix("q=0") && !$0.dropFirst(3).contains { "1"..."9" ~= $0 }
      }
    }
    return false
  }
}
