internal import Bytes

/// Replicate's names of models, versions and deployments.
///
/// They become parts of a path, so they contain no character that is special in a path.
enum ModelReference {
  private static let maxNameLength = 100
  private static let digestLength = 64

  /// Whether it is `owner/name`.
  ///
  /// Both begin with a letter or digit, and have ASCII letters, digits, dots, hyphens and underscores.
  static func isName(_ text: some StringProtocol) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        (1...maxNameLength).contains(part.count) && part.first?.isAlphanumeric ?? false
          && part.allSatisfy { $0.isAlphanumeric || ".-_".utf8.contains($0) }
      }
  }

  /// Whether it is a version's id: 64 hexadecimal digits in lower case.
  static func isVersion(_ text: some StringProtocol) -> Bool {
    text.utf8.count == digestLength && text.utf8.allSatisfy(\.isLowercaseHexadecimal)
  }
}
