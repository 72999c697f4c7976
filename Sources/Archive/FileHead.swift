internal import Bytes
internal import HTTPWire
internal import JobsAPI
internal import KeptFiles

/// The fields that protect the reader of a kept file, whose bytes others have made.
struct FileHead {
  let type: String
  let disposition: String
  /// Of the responses with the file's own bytes.
  let fields: [(name: String, value: String)]
  /// Of the redirects to it.
  let redirectFields: [(name: String, value: String)]

  /// - Parameter reader: whose access decides which pages may show the file, and which caches may keep it.
  init(of file: ArchivedFile, for reader: JobReader) {
    type = file.type ?? "application/octet-stream"
    disposition = Self.disposition(name: file.name ?? "output-\(file.n)", type: type)
    let shared = [
      // A page of another origin may show what a token opens, because somebody has given it the token.
      // Everything else opens itself to browsers by cookies or by their place (the Fetch standard, 3.7).
      ("Cross-Origin-Resource-Policy", reader.scope == .full ? "same-origin" : "cross-origin"),
      // The file's address may have a token.
      ("Referrer-Policy", "no-referrer"),
    ]
    fields =
      [
        ("Content-Type", type), ("Content-Disposition", disposition), ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "sandbox"),
        // It may be deleted, so a cache has to revalidate it. It may not outlive the token in its address.
        ("Cache-Control", reader.scope == .full ? "private, no-cache" : "no-store"),
      ] + shared
    redirectFields = [("Cache-Control", "no-store")] + shared
  }

  /// The value of `Content-Disposition` (RFC 6266).
  ///
  /// The name comes twice, because not every client reads the encoded form (RFC 8187).
  static func disposition(name: String, type: String) -> String {
    let plain = String(
      String.UnicodeScalarView(
        name.unicodeScalars.map { $0.isASCII && isPlain(UInt8(truncatingIfNeeded: $0.value)) ? $0 : "_" }))
    return "\(isInline(type) ? "inline" : "attachment"); filename=\"\(plain)\"; "
      + "filename*=UTF-8''\(PercentEncoding.encode(name))"
  }

  private static func isPlain(_ byte: UInt8) -> Bool { byte.isAlphanumeric || "-._".utf8.contains(byte) }

  /// Whether a browser may show the file in its place: only types that contain no script.
  private static func isInline(_ type: String) -> Bool {
    inlineTypes.contains(String(type.prefix { $0 != ";" })[...].trimmed.lowercased())
  }

  private static let inlineTypes: Set<String> = [
    "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif",
    "video/mp4", "video/webm", "video/mpeg", "video/ogg",
    "audio/mp4", "audio/webm", "audio/mpeg", "audio/ogg", "audio/wav", "audio/x-wav", "audio/wave",
    "audio/vnd.wave", "audio/flac", "audio/x-flac",
    "application/pdf", "text/plain",
  ]
}
