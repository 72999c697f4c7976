internal import Crypto

/// The three fields that sign a delivery, as they were received.
package struct SignatureHeaders: Sendable {
  package static let idName = "webhook-id"
  package static let timestampName = "webhook-timestamp"
  package static let signatureName = "webhook-signature"

  package let id: String
  package let timestamp: String
  package let signature: String

  package init(id: String, timestamp: String, signature: String) {
    self.id = id
    self.timestamp = timestamp
    self.signature = signature
  }

  private static let maxIDBytes = 255
  private static let maxSignatureBytes = 4096
  /// A sender that rotates keys signs with two. More than these are not tried.
  private static let maxSignatures = 16

  /// The id separates itself from the timestamp by a dot, so it holds none; it is a database key and a log value, so it
  /// is short and visible.
  var isIDWellFormed: Bool {
    let bytes = id.utf8Span.span
    return (1...Self.maxIDBytes).contains(bytes.count)
      && bytes.indices.allSatisfy { (0x21...0x7E).contains(bytes[$0]) && bytes[$0] != UInt8(ascii: ".") }
  }

  /// `^[1-9][0-9]{0,11}$`: one spelling a number, for libraries that round, trim or accept signs sign something else.
  var seconds: Int64? {
    let digits = timestamp.utf8Span.span
    guard (1...12).contains(digits.count), digits[0] != UInt8(ascii: "0") else { return nil }
    var seconds: Int64 = 0
    for index in digits.indices {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digits[index]) else { return nil }
      seconds = seconds * 10 + Int64(digits[index] - UInt8(ascii: "0"))
    }
    return seconds
  }

  /// The MACs that the header offers: entries `v1,` and base64 of 32 bytes. Others are skipped, as the specification
  /// asks: a list exists so that schemes and keys can change.
  var offeredMACs: [[UInt8]] {
    guard signature.utf8.count <= Self.maxSignatureBytes else { return [] }
    let bytes = Array(signature.utf8)
    var found: [[UInt8]] = []
    var start = 0
    // Bounded by the text: every round moves past an entry.
    while start < bytes.count, found.count < Self.maxSignatures {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: " ")) ?? bytes.count
      if let mac = Self.mac(of: bytes.span.extracting(start..<end)) { found.append(mac) }
      start = end + 1
    }
    return found
  }

  /// Nil where `entry` is of another scheme, or not the base64 of a MAC.
  private static func mac(of entry: Span<UInt8>) -> [UInt8]? {
    let scheme: (UInt8, UInt8, UInt8) = (UInt8(ascii: "v"), UInt8(ascii: "1"), UInt8(ascii: ","))
    guard entry.count > 3, (entry[0], entry[1], entry[2]) == scheme,
      let mac = Base64.decode(entry.extracting(droppingFirst: 3), form: .canonical),
      mac.count == HMACContext.length
    else { return nil }
    return mac
  }

  /// What is signed before the body.
  static func signedPrefix(id: String, timestamp: String) -> [UInt8] {
    var prefix: [UInt8] = []
    prefix.reserveCapacity(id.utf8.count + timestamp.utf8.count + 2)
    for part in [id, timestamp] {
      prefix += part.utf8
      prefix.append(UInt8(ascii: "."))
    }
    return prefix
  }
}
