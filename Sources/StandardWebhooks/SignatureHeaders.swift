internal import Bytes
internal import Crypto

/// The three signature fields of a message.
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

  /// The fields as `name: value`, in the order of the specification.
  package var lines: [String] {
    ["\(Self.idName): \(id)", "\(Self.timestampName): \(timestamp)", "\(Self.signatureName): \(signature)"]
  }

  private static let maxIDBytes = 255
  private static let maxSignatureBytes = 4096
  /// A sender that rotates keys signs with two. Further entries are ignored.
  private static let maxSignatures = 16

  /// Whether the id is valid: short, visible ASCII, without a dot.
  ///
  /// A dot separates the id from the timestamp in the signed text. The id is also a database key and a log
  /// value.
  var isIDWellFormed: Bool {
    let bytes = id.utf8Span.span
    return (1...Self.maxIDBytes).contains(bytes.count)
      && bytes.indices.allSatisfy { bytes[$0].isVisible && bytes[$0] != UInt8(ascii: ".") }
  }

  var seconds: Int64? { Self.seconds(timestamp) }

  /// A timestamp as `^[1-9][0-9]{0,11}$`; nil if malformed.
  ///
  /// Each number has one spelling, because libraries that round, trim or accept signs would sign something
  /// else.
  package static func seconds(_ timestamp: String) -> Int64? {
    let digits = timestamp.utf8Span.span
    guard (1...12).contains(digits.count), digits[0] != UInt8(ascii: "0") else { return nil }
    var seconds: Int64 = 0
    for index in digits.indices {
      guard let digit = digits[index].decimalDigit else { return nil }
      seconds = seconds * 10 + Int64(digit)
    }
    return seconds
  }

  /// The MACs in the header: entries of `v1,` and the base64 of 32 bytes.
  ///
  /// Others are skipped, as the specification requires: the list allows schemes and keys to change.
  var offeredMACs: [[UInt8]] {
    guard signature.utf8.count <= Self.maxSignatureBytes else { return [] }
    let bytes = Array(signature.utf8)
    var found: [[UInt8]] = []
    var start = 0
    // Bounded by the text: every round consumes an entry.
    while start < bytes.count, found.count < Self.maxSignatures {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: " ")) ?? bytes.count
      if let mac = Self.mac(of: bytes.span.extracting(start..<end)) { found.append(mac) }
      start = end + 1
    }
    return found
  }

  /// Nil if `entry` uses another scheme, or is not the base64 of a MAC.
  private static func mac(of entry: Span<UInt8>) -> [UInt8]? {
    let scheme: (UInt8, UInt8, UInt8) = (UInt8(ascii: "v"), UInt8(ascii: "1"), UInt8(ascii: ","))
    guard entry.count > 3, (entry[0], entry[1], entry[2]) == scheme,
      let mac = Base64.decode(entry.extracting(droppingFirst: 3), form: .canonical),
      mac.count == HMACContext.length
    else { return nil }
    return mac
  }

  /// The signed text before the body: `id.timestamp.`.
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
