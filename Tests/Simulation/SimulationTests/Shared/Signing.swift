@testable import Crypto
import StandardWebhooks

/// The provider's signing key and digests.
///
/// Made once for all simulations, because OpenSSL takes as long for it as for a dozen deliveries.
final class Signing {
  let secret: Secret
  let signer: Signer?
  /// Signs after the secret was rotated.
  let rotatedSigner: Signer?
  let sha256 = SHA256()

  static let secretText = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

  static let rotatedSecretText = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo5ODc2NTQ="

  init() throws {
    secret = try Secret(Self.secretText)
    signer = Signer(secret)
    rotatedSigner = Signer(try Secret(Self.rotatedSecretText))
  }
}
