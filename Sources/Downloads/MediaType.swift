internal import Bytes

/// A media type (RFC 9110 section 8.3.1), in lower case and without parameters other than a text's charset.
package struct MediaType: Hashable, Sendable, CustomStringConvertible {
  package static let unknown = MediaType(valid: "application/octet-stream")

  /// The value of a `Content-Type` field, safe to send.
  package let description: String

  private static let maxBytes = 127
  private static let maxCharsetBytes = 40
  /// The types that servers send for files whose type they do not know.
  private static let indefinite: Set<String> = [
    "application/octet-stream", "binary/octet-stream", "application/x-binary", "unknown/unknown",
  ]

  init(valid description: String) {
    self.description = description
  }

  /// Parses the value of a `Content-Type` field; nil if it is malformed.
  package init?(_ value: String) {
    let parts = value.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmed.lowercased() }
    let names = parts[0].split(separator: "/", omittingEmptySubsequences: false)
    guard parts[0].utf8.count <= Self.maxBytes, names.count == 2, names.allSatisfy(Self.isToken) else {
      return nil
    }
    let charset = parts.dropFirst().lazy.compactMap(Self.charset).first
    description = parts[0] + (names[0] == "text" ? charset.map { "; charset=\($0)" } ?? "" : "")
  }

  private static func charset(_ parameter: String) -> String? {
    guard parameter.hasPrefix("charset=") else { return nil }
    var value = parameter.dropFirst("charset=".count)
    if value.count > 1, value.hasPrefix("\""), value.hasSuffix("\"") { value = value.dropFirst().dropLast() }
    return value.utf8.count <= maxCharsetBytes && isToken(value) ? String(value) : nil
  }

  private static func isToken(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(\.isTokenCharacter)
  }

  /// Without parameters.
  package var essence: String { String(description.prefix { $0 != ";" }) }

  /// Whether a file of it names other files, which are not kept with it (RFC 8216 section 4).
  package var isPlaylist: Bool {
    [
      "application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl",
      "application/dash+xml",
    ].contains(essence)
  }

  /// The type of a file.
  ///
  /// - Parameters:
  ///   - declared: the value of `Content-Type`, which counts if it names a type at all.
  ///   - start: up to ``MediaSignature/maxBytes`` bytes of the content, which count next.
  ///   - name: whose extension counts last.
  static func of(declared: String?, start: Span<UInt8>, name: String) -> MediaType {
    if let type = declared.flatMap(MediaType.init), !indefinite.contains(type.essence) { return type }
    if let essence = MediaSignature.type(of: start) { return MediaType(valid: essence) }
    let essence = FileName.fileExtension(of: name).flatMap { FileExtension.types[$0] }
    return essence.map(MediaType.init(valid:)) ?? .unknown
  }

  /// The usual extension of a name; nil for a type that has none here.
  var fileExtension: String? { FileExtension.ofTypes[essence] }
}

/// The extensions of the files that models make.
enum FileExtension {
  /// The usual one of each type first.
  private static let table: [(String, String)] = [
    ("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("gif", "image/gif"),
    ("webp", "image/webp"), ("avif", "image/avif"), ("svg", "image/svg+xml"), ("bmp", "image/bmp"),
    ("tif", "image/tiff"), ("tiff", "image/tiff"), ("exr", "image/x-exr"), ("heic", "image/heic"),
    ("mp4", "video/mp4"), ("webm", "video/webm"), ("mov", "video/quicktime"), ("mkv", "video/x-matroska"),
    ("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("ogg", "audio/ogg"), ("opus", "audio/ogg"),
    ("flac", "audio/flac"), ("m4a", "audio/mp4"), ("mid", "audio/midi"), ("pdf", "application/pdf"),
    ("json", "application/json"), ("txt", "text/plain"), ("md", "text/markdown"), ("csv", "text/csv"),
    ("html", "text/html"), ("xml", "application/xml"), ("srt", "application/x-subrip"), ("vtt", "text/vtt"),
    ("zip", "application/zip"), ("tar", "application/x-tar"), ("gz", "application/gzip"),
    ("glb", "model/gltf-binary"), ("gltf", "model/gltf+json"), ("obj", "model/obj"), ("stl", "model/stl"),
    ("m3u8", "application/vnd.apple.mpegurl"), ("wasm", "application/wasm"),
  ]

  static let types = Dictionary(table) { first, _ in first }
  static let ofTypes = Dictionary(table.map { ($1, $0) }) { first, _ in first }
    .merging(["audio/x-wav": "wav", "audio/wave": "wav", "audio/mp3": "mp3", "application/x-gzip": "gz"]) {
      first, _ in first
    }
}
