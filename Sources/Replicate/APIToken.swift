internal import Bytes
internal import Crypto

/// The token that Replicate's API takes.
package struct APIToken: Redacted, Sendable {
  /// For the header of a call to the API's host, and for nothing else.
  let revealed: String

  /// Nil unless `text` is 8 to 256 visible ASCII characters.
  package init?(_ text: String) {
    guard (8...256).contains(text.utf8.count), text.utf8.allSatisfy(\.isVisible) else {
      return nil
    }
    revealed = text
  }
}
