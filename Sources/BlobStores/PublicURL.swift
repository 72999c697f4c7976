internal import Bytes
package import HTTPClient

/// The address at which others serve the store's files, without credentials.
package struct PublicURL: Equatable, Sendable {
  private let base: String

  /// - Parameter url: without a query, which would come before the path of a file.
  package init?(_ url: HTTPURL) {
    guard !url.text.contains("?") else { return nil }
    base = url.text.hasSuffix("/") ? String(url.text.dropLast()) : url.text
  }

  /// Its scheme, host and port.
  package var origin: String {
    base.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).prefix(3).joined(
      separator: "/")
  }

  /// - Parameter path: of the object below the address, not encoded.
  func url(of path: String) -> String {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false)
    return "\(base)/" + segments.map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
  }
}
