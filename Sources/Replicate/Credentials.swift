internal import Bytes
internal import Crypto
internal import JSONText

/// The token for Replicate's API. It always prints as `<redacted>`.
package struct APIToken: Redacted, Sendable {
  /// Only for the header of a call to the API's host.
  let revealed: String

  /// Nil unless `text` is 8 to 256 visible ASCII characters.
  package init?(_ text: String) {
    guard (8...256).contains(text.utf8.count), text.utf8.allSatisfy(\.isVisible) else {
      return nil
    }
    revealed = text
  }
}

/// The signing secret of webhooks, from Replicate's API. It always prints as `<redacted>`.
package struct SigningSecret: Redacted, Sendable {
  /// `whsec_` and base64, which the verifier decodes and checks.
  package let text: String

  /// The scheme allows a key of 64 bytes, which takes 94.
  private static let maxTextBytes = 512

  /// Reads `{"key": "whsec_…"}`; nil for anything else.
  package init?(body: Span<UInt8>) {
    guard let object = try? JSONScanner.object(body), let key = object.value(named: "key", in: body),
      key.range.count <= Self.maxTextBytes, let text = key.text(in: body),
      text.utf8.starts(with: "whsec_".utf8),
      text.utf8.allSatisfy(\.isVisible)
    else { return nil }
    self.text = text
  }
}
