internal import Bytes
internal import Crypto
internal import JSONText

/// The secret that Replicate signs webhooks with, as its API tells it.
package struct SigningSecret: Redacted, Sendable {
  /// `whsec_` and base64, which whoever verifies with it decodes and checks.
  package let text: String

  /// In bytes: what the scheme allows, 64 bytes of key, takes 94.
  private static let longestText = 512

  /// Reads `{"key": "whsec_…"}`; nil for anything else.
  package init?(body: Span<UInt8>) {
    guard let object = try? JSONScanner.object(body), let key = object.value(named: "key", in: body),
      key.range.count <= Self.longestText, let text = key.text(in: body),
      text.utf8.starts(with: "whsec_".utf8),
      text.utf8.allSatisfy(\.isVisible)
    else { return nil }
    self.text = text
  }
}
