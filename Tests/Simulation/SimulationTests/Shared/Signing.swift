@testable import Crypto
import StandardWebhooks

/// The provider's signing key and digests.
///
/// Made once for all simulations, because OpenSSL takes as long for it as for a dozen deliveries.
final class Signing {
  let secret: Secret
  let signer: Signer?
  let sha256 = SHA256()

  static let secretText = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

  init() throws {
    secret = try Secret(Self.secretText)
    signer = Signer(secret)
  }
}
