internal import Bytes
internal import Crypto

/// A checksum that the server of a file sends with it.
///
/// Google Cloud Storage, where Replicate keeps outputs, has it in `x-goog-hash`
/// (https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash).
enum SourceChecksum: Equatable {
  case md5([UInt8])
  case crc32c(UInt32)

  static let field = "x-goog-hash"
  /// The coding of the stored file. If the server undid it, the checksum is that of other bytes.
  static let storedCodingField = "x-goog-stored-content-encoding"

  /// The strongest checksum of a response; nil if it has none that can be compared.
  init?(values: [String], storedCoding: String?) {
    guard storedCoding.map({ $0.lowercased() == "identity" }) ?? true else { return nil }
    var crc32c: UInt32?
    for entry in values.flatMap({ $0.split(separator: ",") }) {
      let text = entry.trimmed
      if let bytes = Self.bytes(of: "md5=", in: text), bytes.count == 16 {
        self = .md5(bytes)
        return
      }
      if let bytes = Self.bytes(of: "crc32c=", in: text), bytes.count == 4 {
        crc32c = bytes.reduce(0) { $0 << 8 | UInt32($1) }
      }
    }
    guard let crc32c else { return nil }
    self = .crc32c(crc32c)
  }

  private static func bytes(of name: String, in text: Substring) -> [UInt8]? {
    guard text.hasPrefix(name) else { return nil }
    return Base64.decode(String(text.dropFirst(name.count)).utf8Span.span, form: .canonical)
  }
}
