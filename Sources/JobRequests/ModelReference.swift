internal import Bytes

/// The names by which Replicate knows models and deployments. They become parts of a path, so nothing that a path gives
/// a meaning may be in them.
enum ModelReference {
  private static let longestName = 100
  private static let digestLength = 64

  /// `owner/name`: two parts of ASCII letters, digits, dots, hyphens and underscores that begin with a letter or digit.
  static func isName(_ text: some StringProtocol) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        (1...longestName).contains(part.count) && part.first?.isAlphanumeric ?? false
          && part.allSatisfy { $0.isAlphanumeric || ".-_".utf8.contains($0) }
      }
  }

  /// A version's id: 64 hexadecimal digits in lower case.
  static func isVersion(_ text: some StringProtocol) -> Bool {
    text.utf8.count == digestLength && text.utf8.allSatisfy(\.isLowercaseHexadecimal)
  }
}
