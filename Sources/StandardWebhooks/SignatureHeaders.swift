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

  private static let longestID = 255
  private static let longestSignature = 4096
  /// A sender that rotates keys signs with two. More than these are not tried.
  private static let mostSignatures = 16

  /// The id separates itself from the timestamp by a dot, so it holds none; it is a database key and a log value, so it
  /// is short and visible.
  var isIDWellFormed: Bool {
    (1...Self.longestID).contains(id.utf8.count)
      && id.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ".") }
  }

  /// `^[1-9][0-9]{0,11}$`: one spelling a number, for libraries that round, trim or accept signs sign something else.
  var seconds: Int64? {
    guard (1...12).contains(timestamp.utf8.count), timestamp.utf8.first != UInt8(ascii: "0"),
      timestamp.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return Int64(timestamp)
  }

  /// The MACs that the header offers: entries `v1,` and base64 of 32 bytes. Others are skipped, as the specification
  /// asks: a list exists so that schemes and keys can change.
  var offeredMACs: [[UInt8]] {
    guard signature.utf8.count <= Self.longestSignature else { return [] }
    var found: [[UInt8]] = []
    for entry in signature.utf8.split(separator: UInt8(ascii: " ")) {
      guard found.count < Self.mostSignatures else { break }
      guard entry.starts(with: "v1,".utf8) else { continue }
      let encoded = Array(entry.dropFirst("v1,".utf8.count))
      guard let mac = Base64.decode(encoded.span, form: .canonical), mac.count == HMACContext.length else {
        continue
      }
      found.append(mac)
    }
    return found
  }

  /// What is signed before the body.
  static func signedPrefix(id: String, timestamp: String) -> [UInt8] {
    Array("\(id).\(timestamp).".utf8)
  }
}
