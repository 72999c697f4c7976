internal import Bytes
internal import Crypto

/// The source and version of a part, by which a later request can continue it (RFC 9110 section 13.1.5).
struct ResumePoint: Equatable {
  static let maxBytes = 1024

  /// The digest of the source's URL.
  let source: String
  /// A strong entity tag.
  let entityTag: String

  init(source: SourceURL, entityTag: String) {
    self.source = Self.digest(of: source)
    self.entityTag = entityTag
  }

  func isOf(_ source: SourceURL) -> Bool { self.source == Self.digest(of: source) }

  private static func digest(of source: SourceURL) -> String {
    Hexadecimal.encode(SHA256().digest(of: source.text.utf8Span.span))
  }

  func text(bootID: String) -> String { "\(bootID) \(source) \(entityTag)\n" }

  /// Parses what ``text(bootID:)`` writes; nil for a part that another run of the kernel has written.
  init?(_ text: String, bootID: String) {
    guard text.hasSuffix("\n") else { return nil }
    let words = text.dropLast().split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[0] == bootID, words[1].utf8.count == 64,
      let entityTag = EntityTag.strong(String(words[2]))
    else { return nil }
    source = String(words[1])
    self.entityTag = entityTag
  }
}
