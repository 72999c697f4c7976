internal import Bytes

/// The types that the first bytes of a file show (WHATWG MIME Sniffing section 6).
///
/// Text is not judged: a text that looks like HTML must not become HTML.
enum MediaSignature {
  /// The bytes that are needed.
  static let maxBytes = 512

  private static let starts: [([UInt8], String)] = [
    ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "image/png"), ([0xFF, 0xD8, 0xFF], "image/jpeg"),
    (Array("GIF87a".utf8), "image/gif"), (Array("GIF89a".utf8), "image/gif"),
    (Array("%PDF-".utf8), "application/pdf"), (Array("OggS\0".utf8), "audio/ogg"),
    (Array("fLaC".utf8), "audio/flac"), (Array("ID3".utf8), "audio/mpeg"),
    (Array("MThd".utf8), "audio/midi"), (Array("glTF".utf8), "model/gltf-binary"),
    ([0x50, 0x4B, 0x03, 0x04], "application/zip"), ([0x1F, 0x8B, 0x08], "application/gzip"),
    ([0x49, 0x49, 0x2A, 0x00], "image/tiff"), ([0x4D, 0x4D, 0x00, 0x2A], "image/tiff"),
    ([0x76, 0x2F, 0x31, 0x01], "image/x-exr"),
  ]

  /// The type without parameters; nil if none is recognized.
  static func type(of bytes: Span<UInt8>) -> String? {
    for (start, type) in starts where has(start, at: 0, in: bytes) { return type }
    if has("RIFF", at: 0, in: bytes) {
      if has("WEBPVP", at: 8, in: bytes) { return "image/webp" }
      if has("WAVE", at: 8, in: bytes) { return "audio/wav" }
    }
    if has("ftyp", at: 4, in: bytes) { return brand(of: bytes) }
    if has([0x1A, 0x45, 0xDF, 0xA3], at: 0, in: bytes) { return matroska(bytes) }
    if has("ustar", at: 257, in: bytes) { return "application/x-tar" }
    return isMPEGAudio(bytes) ? "audio/mpeg" : nil
  }

  /// The type of an ISO base media file by its major brand (ISO/IEC 14496-12).
  private static func brand(of bytes: Span<UInt8>) -> String {
    if has("avif", at: 8, in: bytes) || has("avis", at: 8, in: bytes) { return "image/avif" }
    if has("heic", at: 8, in: bytes) || has("heix", at: 8, in: bytes) { return "image/heic" }
    if has("M4A", at: 8, in: bytes) { return "audio/mp4" }
    return has("qt  ", at: 8, in: bytes) ? "video/quicktime" : "video/mp4"
  }

  /// A document type `webm` stands near the start of a WebM file (WHATWG MIME Sniffing section 6.2.2).
  private static func matroska(_ bytes: Span<UInt8>) -> String {
    for offset in 4..<max(4, min(bytes.count, 64)) where has("webm", at: offset, in: bytes) {
      return "video/webm"
    }
    return "video/x-matroska"
  }

  /// Layer III with a valid bit rate and sample rate (ISO/IEC 11172-3 section 2.4.1).
  private static func isMPEGAudio(_ bytes: Span<UInt8>) -> Bool {
    guard bytes.count >= 4, bytes[0] == 0xFF, bytes[1] & 0xE6 == 0xE2, bytes[1] & 0x18 != 0x08 else {
      return false
    }
    return bytes[2] & 0xF0 != 0xF0 && bytes[2] & 0xF0 != 0 && bytes[2] & 0x0C != 0x0C
  }

  private static func has(_ text: StaticString, at offset: Int, in bytes: Span<UInt8>) -> Bool {
    offset <= bytes.count && bytes.extracting(offset...).starts(with: text)
  }

  private static func has(_ start: [UInt8], at offset: Int, in bytes: Span<UInt8>) -> Bool {
    guard offset + start.count <= bytes.count else { return false }
    return start.indices.allSatisfy { bytes[offset + $0] == start[$0] }
  }
}
