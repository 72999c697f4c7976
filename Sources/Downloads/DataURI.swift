internal import Bytes
internal import Crypto

/// A file within a `data:` URI (RFC 2397).
struct DataURI: Equatable {
  let type: MediaType
  let bytes: [UInt8]

  private static let base64Suffix = ";base64"

  /// Nil if `text` is malformed.
  init?(_ text: String) {
    let span = text.utf8Span.span
    let scheme = "data:".utf8Span.span
    guard span.count > scheme.count, span.matches(scheme, in: 0..<scheme.count),
      let comma = span.firstIndex(of: UInt8(ascii: ","))
    else { return nil }
    var header = span.string(scheme.count..<comma)
    let isBase64 = header.lowercased().hasSuffix(Self.base64Suffix)
    if isBase64 { header.removeLast(Self.base64Suffix.count) }
    // A URI without a type has text, one with parameters alone as well (section 2).
    if header.isEmpty { header = "text/plain;charset=us-ascii" }
    type = MediaType(header.hasPrefix(";") ? "text/plain" + header : header) ?? .unknown
    guard
      let decoded = PercentEncoding.decodeBytes(span.extracting((comma + 1)...), plusIsSpace: false)
    else { return nil }
    guard isBase64 else {
      bytes = decoded
      return
    }
    // As browsers do (WHATWG Infra, forgiving-base64 decode): white space is skipped, padding may be missing.
    let dense =
      decoded.contains(where: Self.whitespace.contains)
      ? decoded.filter { !Self.whitespace.contains($0) } : decoded
    guard let bytes = Base64.decode(dense.span, form: .relaxed) else { return nil }
    self.bytes = bytes
  }

  private static let whitespace: [UInt8] = [.tab, .lineFeed, 0x0C, .carriageReturn, .space]
}
